"""On what and when a result was measured, in a line."""

from typing import Any


def machine_line(result: dict[str, Any]) -> str:
    """Machine, versions, commit, and how fast and how busy the machine was just then."""
    machine = result["machine"]
    loops = f"{machine['loop_ms_before']:.0f} and {machine['loop_ms_after']:.0f} ms"
    return (
        f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, Python {machine['python']}, "
        f"mumble-server {machine['mumble_server']}. {machine['measured_at']}, commit {machine['commit']}, load average "
        f"before {machine['load_average_before']:.1f}; a million additions took {loops} of CPU before and after."
    )
