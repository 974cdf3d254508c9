"""What a headless run imports and reads before it does anything, for those that are forked."""

from __future__ import annotations

from importlib import import_module

import boto3

from tests import speed

for _name in ("cli.headless", "engine.pipeline", "engine.plan", "services.run"):
    import_module(f"neonsync.{_name}")

speed.load_descriptions_once()
speed.work_names_out_once()
speed.make_services_once()
_session = boto3.Session("id", "secret", region_name="us-east-1")
for _service in ("athena", "glue", "s3"):
    _session.client(_service)
# A fork looks for cycles in what it makes itself, and shares the rest: a third of a run's CPU.
speed.seldom_look_for_cycles()
