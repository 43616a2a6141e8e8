"""One module for each kind of scenario; `run(scenario, stage)` gives the figures."""
