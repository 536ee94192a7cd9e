"""Prompts on which rounding errors are measured: what people ask motion models for."""

CHOOSING = (
    "A person walks forward slowly, then turns around to the left.",
    "run",
    "The knight lifts a heavy sword with both hands and swings it from the right shoulder to the left hip.",
    "someone sits down on a chair, crosses the legs and waits",
    "A zombie drags its left foot while stumbling ahead with outstretched arms.",
    "she jumps over a low fence, lands on one foot, hops twice and waves at the crowd",
    "Eine Frau tanzt und dreht sich drei Mal im Kreis.",
    "karate kick to the head; step back; guard up",
)
"""For these the format of each matrix is chosen."""

REPORTING = (
    "A man throws a ball with his right hand.",
    "wave",
    "An old man leans on a stick, coughs, and then sinks down on his knees very slowly.",
    "cartwheel, then a backflip, then a bow to the audience",
    "un enfant court en cercle, puis s'arrête",
    "the guard looks left, looks right, crouches and sneaks along the wall for 4 seconds",
)
"""On these the error of the finished graphs is measured."""
