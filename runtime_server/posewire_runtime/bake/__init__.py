"""Prompt lists to animation files: rows -> plan -> clips -> passes -> rig -> files, a sidecar and a page.

`rows` reads lists, `plan` turns them into items with names and keys, `makers` make the clips, `passes` work
on them, `rigs` and `characters` say on which bones they go, `item` writes one, `run` does all of them and
can be killed at any moment, `page` shows what was made.
"""
