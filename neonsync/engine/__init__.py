"""The job itself: plan, extract, load, audit, publish, verify. Knows no screen and no sandbox."""
