"""The application: opens the products of a configuration (`site`) and serves them in processes
(`application`) that a small supervisor starts and watches.

    supervisor ── template (generation 1) ── worker-1, worker-2 …, housekeeper
               └─ template (generation 2) ── …              (a reload; generation 1 drains)

Reading order for processes: plan (what the configuration says about them), supervisor (sockets,
signals, switching), generation (one template and its workers, seen from the supervisor), template
(the fork server), worker (one trio loop), rights; channel and say are how they communicate.

What runs in them is a module with `check(config_paths, on_import) -> ProcessPlan`, `async
run_worker(plan, sockets, control, *, housekeeper)` and, if it needs it, `open_privileged(plan) ->
object`. `opening` opens the instances in a worker; `opened` is what is then open.
"""
