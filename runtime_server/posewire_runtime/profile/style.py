"""The style sheet of the report's page: light and dark by the reader's own setting."""

STYLE = """
:root{--paper:#f6f7f9;--card:#fff;--ink:#1c2430;--dim:#5d6a7a;--rule:#dfe4ea;--accent:#2563c9}
@media (prefers-color-scheme:dark){:root{--paper:#11151b;--card:#1a2029;--ink:#e7ecf2;--dim:#93a1b3;
--rule:#2c3542;--accent:#7db0ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,"Segoe UI",sans-serif}
main{max-width:1180px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:28px;margin:0 0 4px}
h2{font-size:18px;margin:0 0 8px}
h3{font-size:13px;margin:0;color:var(--dim);font-weight:600}
header p{margin:2px 0}
.dim{color:var(--dim);font-size:13.5px;margin:2px 0 12px;max-width:84ch}
section{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:18px 20px;
margin:18px 0}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(280px,1fr));gap:16px;margin:20px 0}
.card{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:16px 18px}
.card p{margin:4px 0}
.big{font-size:26px;font-weight:650;color:var(--accent);line-height:1.25}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:13px}
th{text-align:right;color:var(--dim);font-weight:600;padding:4px 8px;border-bottom:1px solid var(--rule)}
td{text-align:right;padding:5px 8px;border-bottom:1px solid var(--rule);white-space:nowrap}
th:first-child,td:first-child{text-align:left;padding-left:0}
tr:last-child td{border-bottom:0}
td:only-child,td+td:last-child{white-space:normal}
ul{margin:0;padding-left:20px}
svg{width:100%;height:auto;display:block}
svg text{font:12px system-ui,-apple-system,"Segoe UI",sans-serif;fill:var(--ink)}
svg .label{text-anchor:end}
svg .tick{text-anchor:middle;fill:var(--dim);font-size:11px}
svg .name{font-size:12px}
svg .note{fill:var(--dim)}
svg .grid{stroke:var(--rule);stroke-width:1}
svg .whisker{stroke:var(--dim);stroke-width:1.5}
svg .median{stroke:var(--ink);stroke-width:2}
svg .line{fill:none;stroke-width:2.5}
.grid2{display:grid;grid-template-columns:repeat(auto-fit,minmax(380px,1fr));gap:18px;align-items:start}
.legend{margin:0 0 10px;font-size:13px;display:flex;flex-wrap:wrap;gap:6px 16px}
.legend i{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:6px;vertical-align:-1px}
code{font-size:13px;background:var(--paper);padding:1px 5px;border-radius:4px}
.stage-queue{fill:#9aa5b1;background:#9aa5b1}
.stage-tokenise{fill:#c084fc;background:#c084fc}
.stage-encode{fill:#8b5cf6;background:#8b5cf6}
.stage-condition{fill:#ec6ba8;background:#ec6ba8}
.stage-step{fill:#3b82f6;background:#3b82f6}
.stage-decode{fill:#14b8a6;background:#14b8a6}
.stage-post{fill:#84cc16;background:#84cc16}
.stage-pack{fill:#eab308;background:#eab308}
.stage-send{fill:#f97316;background:#f97316}
.stage-client{fill:#ef4444;background:#ef4444}
.total,.other{fill:#64748b;background:#64748b}
.series0{fill:#3b82f6;background:#3b82f6;stroke:#3b82f6}
.series1{fill:#f97316;background:#f97316;stroke:#f97316}
.series2{fill:#14b8a6;background:#14b8a6;stroke:#14b8a6}
.series3{fill:#8b5cf6;background:#8b5cf6;stroke:#8b5cf6}
.series4{fill:#eab308;background:#eab308;stroke:#eab308}
.series5{fill:#ec6ba8;background:#ec6ba8;stroke:#ec6ba8}
"""
"""Colours of stages and series are the same in both themes; paper, ink and rules follow the theme."""
