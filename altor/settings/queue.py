"""The queue: django-q2 carries ids, our tables hold the truth (see docs/explanation/architecture.md).

The times must stand in this order, which a system check holds:
request timeout < run deadline < task timeout < lease < queue retry.
"""

from altor.settings import environment

#: The most a playbook may set as its run's limit.
RUN_DEADLINE_S = 50
TASK_TIMEOUT_S = 60
RUN_LEASE_S = 90
QUEUE_RETRY_S = 400
#: A worker cluster that gives no sign of life for longer is restarted; longer than a task may take.
WORKER_SILENT_S = 75
Q_CLUSTER = {
    "name": "altor",
    "orm": "default",
    "broker_class": "altor.queue.PgBroker",
    "workers": environment.number("ALTOR_WORKERS", 2),
    "poll": 2,
    "bulk": 1,
    "queue_limit": 1,
    "timeout": TASK_TIMEOUT_S,
    "retry": QUEUE_RETRY_S,
    "max_attempts": 3,
    "ack_failures": True,
    "save_limit": -1,
    "recycle": 200,
    "max_rss": 600_000,
    "catch_up": False,
    "guard_cycle": 0.5,
    "label": "Queue",
}
