"""The project itself, and the user who owns it."""

from __future__ import annotations

from neonsync.sandbox.neon.project import Project
from neonsync.sandbox.neon.request import Reply, Request
from neonsync.sandbox.neon.state import State
from neonsync.sandbox.neon.views import OWNER, JsonObject, project_view


class Projects:
    """There is one project, and the key may see it."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def list(self, request: Request) -> Reply:
        """``GET /projects``: one page at most."""
        with self._project.store.read() as state:
            project = self._view(state)
        search = request.query.get("search", "")
        wanted = search in project["name"] or search in project["id"]
        shown = wanted and not request.cursor()
        return Reply(body={"projects": [project] if shown else [], "unavailable_project_ids": []})

    def get(self, request: Request) -> Reply:
        """``GET /projects/{project}``."""
        with self._project.store.read() as state:
            return Reply(body={"project": self._view(state)})

    def _view(self, state: State) -> JsonObject:
        limits = self._project.limits
        return project_view(state, limits.history_seconds, limits.size())


def current_user(request: Request) -> Reply:
    """``GET /users/me``: as much as the neon-api package asks for."""
    names = ("name", "email", "address_city", "address_country", "address_line1", "address_line2")
    billing = {
        **dict.fromkeys((*names, "address_postal_code", "address_state"), ""),
        "state": "active",
        "payment_source": {"type": ""},
        "subscription_type": "free_v2",
        "payment_method": "none",
        "quota_reset_at_last": "1970-01-01T00:00:00Z",
    }
    user = {
        "id": OWNER,
        "login": "sandbox",
        "name": "Sandbox",
        "last_name": "",
        "email": "sandbox@localhost",
        "image": "",
        "plan": "free_v2",
        "auth_accounts": [],
        "billing_account": billing,
        "active_seconds_limit": 0,
        "projects_limit": 1,
        "branches_limit": 0,
        "max_autoscaling_limit": 1,
    }
    return Reply(body=user)
