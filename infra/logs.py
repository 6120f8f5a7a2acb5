"""What processes tell their operator: one line per event on standard error, with time, importance and process."""

import logging

_THIRD_PARTY_QUIET = ("uvicorn", "uvicorn.error", "httpx", "kafka")


def configure(level: str, process: str) -> None:
    """Log as `process` (`serve`, `api`, `billing 2` …) what is at least as important as `level`."""
    logging.basicConfig(
        level=level.upper(),
        format=f"%(asctime)s  {process:<9}  %(levelname)-7s  %(message)s",
        datefmt="%H:%M:%S",
        force=True,
    )
    logging.captureWarnings(True)
    if level != "debug":
        for name in _THIRD_PARTY_QUIET:
            logging.getLogger(name).setLevel(logging.WARNING)
