"""The settings of the Postgres sessions that windows run in (`workers.database.open_connection`)."""

from __future__ import annotations

SESSION = {
    # The road's statements look keys up in arrays whose lengths the planner cannot know. A plan made once, with
    # nested loops over the primary key, is right for every window; one made from the statistics of a table that was
    # empty a minute ago, or one with a sequential scan of a large one, is not.
    "plan_cache_mode": "force_generic_plan",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
    "jit": "off",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
    "timezone": "UTC",
}
