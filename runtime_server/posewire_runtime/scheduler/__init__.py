"""Who is served when: the plan, the jobs, and the one thread that owns the device."""
