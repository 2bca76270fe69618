"""Every alert fires for what it is for, with the words that it should have, and for nothing else (promtool)."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from deploy.monitoring.operator import operator_resource

CHECKOUT = Path(__file__).parents[3]
RULES = CHECKOUT / "deploy" / "monitoring" / "rules.yaml"
IN_KUBERNETES = CHECKOUT / "deploy" / "kubernetes" / "components" / "monitoring" / "rules.yaml"
GROUPS = yaml.safe_load(RULES.read_text())["groups"]
RECORDS = {rule["record"]: rule for group in GROUPS for rule in group["rules"] if "record" in rule}
ALERTS = {rule["alert"]: rule for group in GROUPS for rule in group["rules"] if "alert" in rule}

# A sample a minute. Times that stand still grow old, since promtool's clock begins at 0.
STANDING, MOVING = "0x99", "0+60x99"
WATCHED = {'feedline_shard_ready_batches{shard="0"}': "0x99"}
SUCCESS = 'feedline_canary_success_timestamp_seconds{shard="0"}'
OLDEST = 'feedline_shard_oldest_timestamp_seconds{shard="0"}'
PUBLISHED = {f'feedline_shard_published_batches_total{{shard="{shard}"}}': "0+10x60" for shard in range(1, 5)}
HOT = PUBLISHED | {'feedline_shard_published_batches_total{shard="0"}': "0+31x60"}
"""More than three times what any other gets: of so few shards, no more than twice their mean."""
WARM = PUBLISHED | {'feedline_shard_published_batches_total{shard="0"}': "0+29x60"}
FAILED, SUCCEEDED = 'feedline_runs_total{status="failed"}', 'feedline_runs_total{status="succeeded"}'
ACCEPTED, UNAVAILABLE = 'feedline_posts_total{status="202"}', 'feedline_posts_total{status="503"}'
IN_TIME, APPLIED = 'feedline_receive_to_commit_seconds_bucket{le="5.0"}', "feedline_receive_to_commit_seconds_count"
STANDBYS, WANTED = "feedline_postgres_standbys", "feedline_postgres_standbys_wanted"
ALARM = 'feedline_broker_alarm{node="rabbit-1:15692", alarm="memory"}'
DEGRADED = 'feedline_degraded{dependency="postgres", instance="w1"}'
MEMBERS, NODES = 'feedline_shard_members{shard="0"}', "feedline_broker_nodes"
UP = 'up{job="feedline", instance="w1"}'

FIRING = [
    ("PostsFailing", 70, {ACCEPTED: "0+980x90", UNAVAILABLE: "0+20x90"}, {},
     "2% of posts are answered 5xx: the month's budget of 0.1 % burns too fast"),
    ("BatchesLate", 70, {IN_TIME: "0+80x90", APPLIED: "0+100x90"}, {},
     "20% of batches are applied later than 5 s: the month's budget of 1 % burns too fast"),
    ("ShardLate", 5, {OLDEST: STANDING}, {"shard": "0"}, "The oldest batch of shard 0 waits for 5m 0s"),
    ("ShardsUnowned", 5, {'feedline_shard_consumers{shard="3"}': "0x9"}, {"shard": "3"},
     "No worker consumes shard 3"),
    ("CanaryMissing", 10, WATCHED | {SUCCESS: STANDING}, {"shard": "0"},
     "No canary has arrived down shard 0 for three minutes and more"),
    ("CanaryMissing", 10, {}, {}, "No canary has arrived for three minutes and more"),
    ("QueueFilling", 5, {'feedline_shard_ready_batches{shard="0"}': "60x9", "feedline_shard_max_batches": "100x9"},
     {"shard": "0"}, "Shard 0 is more than half full"),
    ("QueueFilling", 9, {'feedline_publish_failures_total{reason="full"}': "0+5x9"}, {"reason": "full"},
     "Batches are refused because a queue is full"),
    ("DeadLetters", 5, {'feedline_dead_letters_recent{code="worker_died"}': "2x9"}, {"code": "worker_died"},
     "2 items became dead letters in the last 15 minutes: worker_died"),
    ("RedeliveryStorm", 15, {'feedline_redeliveries_total{shard="0"}': "0+200x20"}, {"shard": "0"},
     "Shard 0: 2k batches were delivered again in ten minutes"),
    ("HotShard", 30, HOT | {OLDEST: STANDING}, {"shard": "0"},
     "Shard 0 gets more than three times what the others get and is late"),
    ("RunsFailing", 80, {FAILED: "0+1x90", SUCCEEDED: "0+0.2x90"}, {},
     "More than half of the runs of pulled feeds have failed in the last hour"),
    ("DeferredGrowing", 4380,
     {"feedline_deferred_oldest_timestamp_seconds": "0x4500", "feedline_deferred_items": "0+1x4500"}, {},
     "Deferred items wait for 3d 1h 0m 0s, and there are more of them every day"),
    ("QuorumMembers", 10, {MEMBERS: "2x20", NODES: "3x20"}, {"shard": "0"},
     "The queue of shard 0 has 2 members: not one on every node"),
    ("DoublingStands", 40, {"feedline_shards_closed": "0x5 8x40"}, {},
     "The shards are being doubled for half an hour and more: 8 new ones take nothing over yet"),
    ("BrokerAlarm", 5, {ALARM: "1x9"}, {"node": "rabbit-1:15692", "alarm": "memory"},
     "RabbitMQ on rabbit-1:15692 is short of memory: posts are refused"),
    ("BrokerAlarm", 9, {'feedline_publish_failures_total{reason="blocked"}': "0+5x9"}, {"reason": "blocked"},
     "RabbitMQ takes no messages: posts are refused"),
    ("StandbyMissing", 5, {STANDBYS: "0x9", WANTED: "1x9"}, {},
     "0 standbys stream from Postgres, fewer than commits wait for"),
    ("Degraded", 5, {DEGRADED: "1x9"}, {"dependency": "postgres", "instance": "w1"}, "w1 cannot work: postgres"),
    ("TargetDown", 5, WATCHED | {UP: "0x9"}, {"job": "feedline", "instance": "w1"}, "w1 does not answer Prometheus"),
    ("TargetDown", 5, {UP: "1x9"}, {}, "No watcher tells of the shards"),
    ("Watchdog", 1, {}, {}, "Alerts arrive. This one always fires; its absence is the alert"),
]  # fmt: skip
QUIET = [
    ("PostsFailing", 70, {ACCEPTED: "0+1000x90", UNAVAILABLE: "0+0.5x90"}),
    ("PostsFailing", 70, {ACCEPTED: "0+0x90"}),
    ("BatchesLate", 70, {IN_TIME: "0+995x90", APPLIED: "0+1000x90"}),
    ("ShardLate", 5, {OLDEST: MOVING}),
    ("ShardsUnowned", 5, {'feedline_shard_consumers{shard="3"}': "1 0 1x9"}),
    ("CanaryMissing", 10, WATCHED | {SUCCESS: MOVING}),
    ("QueueFilling", 5, {'feedline_shard_ready_batches{shard="0"}': "40x9", "feedline_shard_max_batches": "100x9"}),
    ("DeadLetters", 5, {'feedline_dead_letters_recent{code="worker_died"}': "0x9"}),
    ("RedeliveryStorm", 15, {'feedline_redeliveries_total{shard="0"}': "0x5 96x15"}),
    ("HotShard", 30, HOT | {OLDEST: MOVING}),
    ("HotShard", 30, WARM | {OLDEST: STANDING}),
    ("RunsFailing", 80, {FAILED: "0+1x90", SUCCEEDED: "0+5x90"}),
    ("RunsFailing", 80, {FAILED: "0x60 1x30", SUCCEEDED: "0x90"}),
    ("DeferredGrowing", 4380,
     {"feedline_deferred_oldest_timestamp_seconds": "0x4500", "feedline_deferred_items": "5x4500"}),
    ("QuorumMembers", 10, {MEMBERS: "1x20", NODES: "1x20"}),
    ("DoublingStands", 40, {"feedline_shards_closed": "0x5 8x20 0x15"}),
    ("BrokerAlarm", 5, {ALARM: "0x9", 'feedline_publish_failures_total{reason="blocked"}': "7x9"}),
    ("StandbyMissing", 5, {STANDBYS: "0x9", WANTED: "0x9"}),
    ("StandbyMissing", 5, {STANDBYS: "1x9", WANTED: "1x9"}),
    ("Degraded", 5, {DEGRADED: "0 1 1 0x9"}),
    ("TargetDown", 5, WATCHED | {UP: "1x9"}),
]  # fmt: skip


# From here a sample every 5 s: all is well for ten minutes, then the fault is planted.
WITHIN_A_MINUTE = [
    ("ShardsUnowned", {'feedline_shard_consumers{shard="3"}': "1x119 0x30"}, {"shard": "3"},
     "No worker consumes shard 3"),
    ("ShardLate", {OLDEST: "_x120 600x30"}, {"shard": "0"}, "The oldest batch of shard 0 waits for 1m 0s"),
    ("BrokerAlarm", {ALARM: "0x119 1x30"}, {"node": "rabbit-1:15692", "alarm": "memory"},
     "RabbitMQ on rabbit-1:15692 is short of memory: posts are refused"),
    ("StandbyMissing", {STANDBYS: "1x119 0x30", WANTED: "1x150"}, {},
     "0 standbys stream from Postgres, fewer than commits wait for"),
    ("QueueFilling",
     {'feedline_shard_ready_batches{shard="0"}': "0x119 60x30", "feedline_shard_max_batches": "100x150"},
     {"shard": "0"}, "Shard 0 is more than half full"),
    ("PostsFailing", {ACCEPTED: "0+50x119 5950x30", UNAVAILABLE: "0x119 0+50x30"}, {},
     "9.16% of posts are answered 5xx: the month's budget of 0.1 % burns too fast"),
]  # fmt: skip
HANDED_OVER = [
    ("ShardsUnowned", {'feedline_shard_consumers{shard="3"}': "1x119 0x4 1x30"}),
    ("ShardLate", {OLDEST: "_x120 600x7 stale"}),
    ("StandbyMissing", {STANDBYS: "1x119 0x4 1x30", WANTED: "1x150"}),
    ("BrokerAlarm", {ALARM: "0x119 1x4 0x30"}),
]
"""Gone after 20 to 35 s, as a hand-over is, a worker that died, or a leader's election."""


def series(samples):
    return [{"series": name, "values": values} for name, values in samples.items()]


def firing(alert, minutes, samples, labels, summary):
    rule = ALERTS[alert]
    expected = {
        "exp_labels": labels | rule["labels"],
        "exp_annotations": rule["annotations"] | {"summary": summary},
    }
    asked = {"eval_time": f"{minutes}m", "alertname": alert, "exp_alerts": [expected]}
    return {"name": alert, "interval": "1m", "input_series": series(samples), "alert_rule_test": [asked]}


def quiet(alert, minutes, samples):
    asked = {"eval_time": f"{minutes}m", "alertname": alert, "exp_alerts": []}
    return {"name": alert, "interval": "1m", "input_series": series(samples), "alert_rule_test": [asked]}


def lasts_days(case):
    return int(case["alert_rule_test"][0]["eval_time"].removesuffix("m")) > 1000


def groups_of(name):
    """Return the groups with one rule and those that record what it reads alone: all others are for nobody."""
    needed = [name]
    for one in needed:
        read = (RECORDS | ALERTS)[one]["expr"]
        needed += [record for record in RECORDS if record in read and record not in needed]
    return [
        group | {"rules": [rule for rule in group["rules"] if rule.get("alert", rule.get("record")) in needed]}
        for group in GROUPS
    ]


def promtool(folder, cases, every="1m"):
    """Run cases, each named by the rule that it is of."""
    files = []
    for name in dict.fromkeys(case["name"] for case in cases):
        rules, file = folder / f"{name}.rules.yaml", folder / f"{name}.cases.yaml"
        rules.write_text(yaml.safe_dump({"groups": groups_of(name)}))
        run = {
            "rule_files": [str(rules)],
            "evaluation_interval": every,
            "group_eval_order": [group["name"] for group in GROUPS],
            "tests": [case for case in cases if case["name"] == name],
        }
        file.write_text(yaml.safe_dump(run))
        files.append(file)
    return subprocess.run(["promtool", "test", "rules", *files], capture_output=True, text=True, check=False)


def test_every_alert_fires_for_what_it_is_for_and_for_nothing_else(tmp_path):
    cases = [firing(*case) for case in FIRING] + [quiet(*case) for case in QUIET]
    for every, of_days in ("1m", False), ("1h", True):
        done = promtool(tmp_path, [case for case in cases if lasts_days(case) is of_days], every)
        assert 0 == done.returncode, done.stdout + done.stderr


def test_who_is_told_of_a_planted_fault_is_told_within_a_minute(tmp_path):
    cases = []
    for alert, samples, labels, summary in WITHIN_A_MINUTE:
        case = firing(alert, 11, samples, labels, summary) | {"interval": "5s"}
        case["alert_rule_test"] += quiet(alert, 10, samples)["alert_rule_test"]
        cases.append(case)
    done = promtool(tmp_path, cases, "5s")
    assert 0 == done.returncode, done.stdout + done.stderr


def test_nobody_is_woken_for_what_ends_by_itself(tmp_path):
    cases = []
    for alert, samples in HANDED_OVER:
        case = quiet(alert, 10, samples) | {"interval": "5s"}
        (asked,) = case["alert_rule_test"]
        case["alert_rule_test"] = [asked | {"eval_time": f"{600 + seconds}s"} for seconds in range(5, 90, 5)]
        cases.append(case)
    done = promtool(tmp_path, cases, "5s")
    assert 0 == done.returncode, done.stdout + done.stderr


def test_there_is_a_case_in_which_each_alert_fires_and_one_in_which_it_does_not():
    assert set(ALERTS) == {case[0] for case in FIRING}
    assert set(ALERTS) - {"Watchdog"} == {case[0] for case in QUIET}


def test_a_case_that_is_wrong_is_found(tmp_path):
    alert, minutes, samples, *_ = FIRING[2]

    assert 0 != promtool(tmp_path, [quiet(alert, minutes, samples)]).returncode


def test_the_workers_that_are_needed_are_never_divided_by_nothing(tmp_path):
    record = "feedline:worker_batches_per_second"
    idle = {"feedline_window_batches_sum": "0x30", "process_cpu_seconds_total": "0x30", "feedline_shards_owned": "1x30"}
    busy = idle | {"feedline_window_batches_sum": "0+60000x30", "process_cpu_seconds_total": "0+30x30"}

    def value(samples, expected):
        samples = {f'{name}{{instance="w1"}}': values for name, values in samples.items()}
        asked = {"expr": record, "eval_time": "20m", "exp_samples": [{"labels": record, "value": expected}]}
        return {"name": record, "interval": "1m", "input_series": series(samples), "promql_expr_test": [asked]}

    done = promtool(tmp_path, [value({}, 100), value(busy, 1200)])
    assert 0 == done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_says_what_is_wrong_which_page_to_open_and_what_to_do(alert):
    annotations = ALERTS[alert]["annotations"]
    page, _, anchor = annotations["runbook"].partition("#")
    headings = re.findall(r"^## (\w+)$", (CHECKOUT / page).read_text(), re.MULTILINE)

    assert {"summary", "page", "runbook"} == set(annotations)
    assert alert.lower() == anchor
    assert alert in headings


def test_kubernetes_has_the_same_rules():
    assert operator_resource(RULES.read_text()) == IN_KUBERNETES.read_text(), "make rules"
