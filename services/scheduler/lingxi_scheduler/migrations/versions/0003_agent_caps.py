"""Messages that agents write first are counted by agent. Those of these days are counted anew."""

from alembic import op

from lingxi_scheduler.projections import caps

revision = "0003"
down_revision = "0002"

COUNT = f"""
    insert into agent_caps (agent_id, day, user_id, sent)
    select (d.data->>'agent_id')::uuid, (d.data->>'counts_for')::date, d.user_id, count(*)
    from events d
    where d.type = 'proactive_decided.v1'
      and (d.data->>'counts_for')::date >= current_date - {caps.DAYS_KEPT}
      and not exists (select from events s
                      where s.stream_id = d.stream_id and s.version = d.version + 1
                        and s.type = 'proactive_settled.v1' and s.data->>'freed' is not null)
      and not exists (select from erased_users e where e.user_id = d.user_id)
    group by 1, 2, 3
"""


def upgrade() -> None:
    """Create the table; replicas of the last release go on with theirs."""
    for statement in (*caps.CREATE, COUNT, caps.REFUSE_ERASED_USERS):
        op.execute(statement)
