"""`pttserver policy notice`: the privacy notice that a tenant's policy amounts to."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from pttserver.cli.office import in_office
from pttserver.cli.pages import Form, FormOption, Out, give
from pttserver.cli.tenant import TenantName

if TYPE_CHECKING:  # slow to import, see main.py
    from pttserver.privacy.policy import Policy
    from pttserver.services.office import Office


def notice(ctx: typer.Context, tenant: TenantName, form: FormOption = Form.TEXT, out: Out = None) -> None:
    """Print the privacy notice (GDPR Art. 13, 14) from the policy in force: what, why, how long, whose right."""
    from pttserver.privacy import notice as notices

    async def work(office: "Office") -> "Policy":
        return office.book.policy((await office.provisioning.tenant(tenant)).tenant_id)

    page = notices.notice(in_office(ctx, work))
    give(page, asdict(page), form, out)
