#!/usr/bin/env python3
"""grafana.py [--check]: writes dashboards/grafana/*.json, or says whether they are what it would write.

They load in Grafana 7.5 and in current versions: datasources as strings, schemaVersion 27, no panel kinds that one of the two
lacks; newer versions migrate on load. In expressions R(), L() and T() stand for the selectors of a region, a link and a topic.
"""
import json
import pathlib
import re
import sys

FOLDER = pathlib.Path(__file__).resolve().parent / "grafana"
SOURCE = "${DS_PROMETHEUS}"
REGION = 'job=~"$job",instance=~"$instance"'
SELECTORS = {"R": REGION, "L": REGION + ',link=~"$link"', "T": REGION + ',link=~"$link",topic=~"$topic"'}
RATE = "[$__rate_interval]"
BLOCKERS = {"red": None, "green": 1}


def select(expression: str) -> str:
    """`name@L(more)` -> `name{selector of a link,more}`, `name@L` without more."""
    def replace(match: re.Match) -> str:
        more = match.group(2)
        return "{" + SELECTORS[match.group(1)] + (f",{more}" if more else "") + "}"
    return re.sub(r"@([RLT])(?:\(([^()]*)\))?", replace, expression)


def target(number: int, expression: str, legend: str = "", **more: object) -> dict:
    return {"refId": chr(ord("A") + number), "expr": select(expression), "legendFormat": legend} | more


def thresholds(steps: dict[str, float | None]) -> dict:
    return {"mode": "absolute", "steps": [{"color": color, "value": value} for color, value in steps.items()]}


# A variable, not an input: so a dashboard works both imported by hand and provisioned from a file.
PROMETHEUS = {"name": "DS_PROMETHEUS", "label": "Prometheus", "type": "datasource", "query": "prometheus", "refresh": 1,
              "includeAll": False, "multi": False, "current": {}, "hide": 0, "regex": "", "options": []}


class Dashboard:
    """Panels flow from left to right in rows of 24 columns, each row as high as its first panel."""

    def __init__(self, uid: str, title: str, description: str, variables: list[dict], annotations: list[dict]) -> None:
        self.panels: list[dict] = []
        self.x = self.y = self.height = 0
        self.head = {
            "__requires": [{"type": "grafana", "id": "grafana", "name": "Grafana", "version": "7.5.0"},
                           {"type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0"}],
            "uid": uid, "title": title, "description": description, "tags": ["atoll", "kafka"], "schemaVersion": 27, "version": 1,
            "editable": True, "graphTooltip": 1, "refresh": "10s", "time": {"from": "now-1h", "to": "now"}, "timezone": "",
            "annotations": {"list": annotations},
            "links": [{"type": "dashboards", "tags": ["atoll"], "title": "Atoll", "asDropdown": False, "includeVars": True,
                       "keepTime": True, "targetBlank": False, "icon": "external link", "tooltip": "", "url": ""}],
            "templating": {"list": [PROMETHEUS, *variables]},
        }

    def _place(self, width: int, height: int) -> dict:
        if self.x + width > 24:
            self.x, self.y = 0, self.y + self.height
        if self.x == 0:
            self.height = height
        place = {"x": self.x, "y": self.y, "w": width, "h": self.height}
        self.x += width
        return place

    def _add(self, kind: str, title: str, description: str, place: dict, unit: str, defaults: dict, **more: object) -> None:
        self.panels.append({"id": len(self.panels) + 1, "type": kind, "title": title, "description": description,
                            "datasource": SOURCE, "gridPos": place,
                            "fieldConfig": {"defaults": {"unit": unit} | defaults, "overrides": more.pop("overrides", [])}} | more)

    def row(self, title: str) -> None:
        self.x = 24
        place = self._place(24, 1)
        self.panels.append({"id": len(self.panels) + 1, "type": "row", "title": title, "collapsed": False, "gridPos": place,
                            "panels": []})

    def lines(self, title: str, description: str, unit: str, *series: tuple[str, str], width: int = 8, stacked: bool = False,
              steps: dict | None = None, **defaults: object) -> None:
        custom: dict[str, object] = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 40 if stacked else 5,
                                     "showPoints": "never", "spanNulls": False}
        if stacked:
            custom["stacking"] = {"mode": "normal", "group": "A"}
        fields = {"custom": custom, "min": 0} | defaults | ({"thresholds": thresholds(steps)} if steps else {})
        self._add("timeseries", title, description, self._place(width, 8), unit, fields,
                  options={"legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
                           "tooltip": {"mode": "multi"}},
                  targets=[target(number, *one) for number, one in enumerate(series)])

    def stat(self, title: str, description: str, unit: str, expression: str, legend: str, *, width: int = 6, height: int = 5,
             steps: dict | None = None, words: dict[str, str] | None = None) -> None:
        fields: dict[str, object] = {"thresholds": thresholds(steps or {"green": None}), "noValue": "unknown"}
        fields["mappings"] = [{"id": number, "type": 1, "value": value, "text": text}
                              for number, (value, text) in enumerate((words or {}).items(), 1)]
        # Instant: a value of a region that is not scraped any more must not stay.
        self._add("stat", title, description, self._place(width, height), unit, fields,
                  options={"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "orientation": "auto",
                           "textMode": "auto", "colorMode": "background" if steps else "value", "graphMode": "none"},
                  targets=[target(0, expression, legend, instant=True)])

    def table(self, title: str, description: str, columns: dict[str, tuple[str, str]], *, hide: tuple[str, ...] = (),
              width: int = 12, height: int = 8) -> None:
        """`columns`: heading -> (expression, unit); a heading that begins with "-" only brings its labels."""
        overrides, renames, hidden = [], {}, {"Time": True} | dict.fromkeys(hide, True)
        for number, (heading, (_, unit)) in enumerate(columns.items()):
            value = f"Value #{chr(ord('A') + number)}" if len(columns) > 1 else "Value"
            if heading.startswith("-"):
                hidden[value] = True
                continue
            renames[value] = heading
            overrides.append({"matcher": {"id": "byName", "options": heading}, "properties": [{"id": "unit", "value": unit}]})
        self._add("table", title, description, self._place(width, height), "short", {}, overrides=overrides,
                  options={"showHeader": True},
                  targets=[target(number, expression, "", format="table", instant=True)
                           for number, (expression, _) in enumerate(columns.values())],
                  transformations=[{"id": "merge", "options": {}},
                                   {"id": "organize", "options": {"excludeByName": hidden, "renameByName": renames}}])

    def heatmap(self, title: str, description: str, unit: str, expression: str, *, width: int = 12) -> None:
        self._add("heatmap", title, description, self._place(width, 8), unit, {}, dataFormat="tsbuckets",
                  color={"mode": "spectrum", "colorScheme": "interpolateYlOrRd", "exponent": 0.5, "cardColor": "#b4ff00",
                         "colorScale": "sqrt"},
                  yAxis={"format": unit, "logBase": 1, "show": True}, xAxis={"show": True}, yBucketBound="upper",
                  tooltip={"show": True, "showHistogram": False}, legend={"show": True}, hideZeroBuckets=True,
                  targets=[target(0, expression, "{{le}}", format="heatmap")])

    def json(self) -> str:
        return json.dumps(self.head | {"panels": self.panels}, indent=1, ensure_ascii=False) + "\n"


def variable(name: str, label: str, query: str) -> dict:
    return {"name": name, "label": label, "type": "query", "datasource": SOURCE, "query": select(query), "refresh": 2,
            "includeAll": True, "multi": True, "allValue": ".+", "current": {"text": "All", "value": "$__all"}, "sort": 1, "hide": 0,
            "regex": ""}


JOB = variable("job", "Job", "label_values(atoll_build_info, job)")
INSTANCE = variable("instance", "Region", 'label_values(atoll_build_info{job=~"$job"}, instance)')
LINK = variable("link", "Link", "label_values(atoll_link_info@R, link)")
TOPIC = variable("topic", "Topic", "label_values(atoll_mirror_source_end_offset@L, topic)")


def annotation(name: str, color: str, expression: str, title: str) -> dict:
    return {"name": name, "datasource": SOURCE, "enable": True, "hide": False, "iconColor": color, "expr": select(expression),
            "step": "30s", "titleFormat": title, "tagKeys": "instance,link", "useValueForTime": False, "showIn": 0}


EVENTS = [
    annotation("Moves", "purple", "increase(atoll_failover_operations_total@L[1m]) > 0", "{{mode}} over {{link}}: {{result}}"),
    annotation("Pauses", "orange", 'max by (instance, link) (atoll_link_state@L(state="paused")) == 1', "{{link}} is paused"),
    annotation("Reloads", "green", "changes(atoll_config_last_reload_success_timestamp_seconds@R[1m]) > 0",
               "{{instance}} took a configuration over"),
    annotation("Starts", "blue", "changes(process_start_time_seconds@R[1m]) > 0", "{{instance}} was started"),
]


def overview() -> Dashboard:
    board = Dashboard("atoll-overview", "Atoll: may I fail over?", "All regions and links: may I fail over, what would it cost, and "
                      "what stands in the way.", [JOB, INSTANCE, LINK], EVENTS)
    board.row("May I fail over?")
    board.stat("May I fail over now?", "Per link, at the region that would take over. Yes: the oldest record that is not here is younger "
               "than the objective, no topic waits for an operator, every group is placed, and nothing that was compared differs. "
               "Unknown is no yes; a link that mirrors nothing now is not shown.", "short",
               'sum by (instance, link) (atoll_failover_blockers@L) == bool 0 unless on (instance, link) '
               'atoll_failover_blockers@L(reason="no_topics") > 0', "{{instance}} {{link}}",
               width=8, height=8, steps=BLOCKERS, words={"1": "YES", "0": "NO"})
    board.table("Why not", "What speaks against a failover of each link, and how many topics it is about. Empty: nothing. "
                "`atoll failover plan --link LINK --all` names them, and what ends each.",
                {"Topics": ('sum by (instance, link, reason) (atoll_failover_blockers@L(reason!="no_topics")) > 0', "short")}, width=6)
    board.lines("Recovery point against its objective", "Age of what a failover now would lose, per link, beside the objective "
                "written in YAML. While a source is silent it rises with the clock; no line: unknown.", "s",
                ("max by (instance, link) (atoll_link_rpo_seconds@L)", "{{instance}} {{link}} now"),
                ("max by (instance, link) (atoll_link_rpo_target_seconds@L)", "{{instance}} {{link}} objective"), width=10)
    board.table("Links", "One line per link: state, recovery point, records behind, groups that are not placed, partitions that differ "
                "or were never compared, age of the last answer.", {
                    "-state": ("max by (instance, link, state) (atoll_link_state@L) == 1", "short"),
                    "Recovery point": ("max by (instance, link) (atoll_link_rpo_seconds@L)", "s"),
                    "Records behind": ("sum by (instance, link) (atoll_mirror_lag_records@L)", "short"),
                    "Groups not placed": ('sum by (instance, link) (atoll_offset_sync_groups@L(state!="placed"))', "short"),
                    "Partitions not equal": ('sum by (instance, link) (atoll_mirror_verified_partitions@L(result!="equal"))', "short"),
                    "Last answer": ("time() - max by (instance, link) (atoll_link_last_contact_timestamp_seconds@L)", "s"),
                    "-ends": ("max by (instance, link, source, target) (atoll_link_info@L)", "short")}, width=24)
    board.row("Mirrors")
    board.lines("Topics by state", "How many topics each link has in which state. halted, gap, diverged and conflict wait for an "
                "operator.", "short", ("sum by (link, state) (atoll_mirror_topics@L) > 0", "{{link}} {{state}}"), stacked=True)
    board.lines("Bytes over the wire and mirrored", "What came over the wire from the sources, what was sent to ask for it, and the "
                "bytes of batches that became durable here.", "Bps",
                (f"sum by (link) (rate(atoll_link_wire_received_bytes_total@L{RATE}))", "{{link}} wire"),
                (f"sum by (link) (rate(atoll_link_wire_sent_bytes_total@L{RATE}))", "{{link}} sent"),
                (f"sum by (link) (rate(atoll_mirror_bytes_total@L{RATE}))", "{{link}} mirrored"))
    board.lines("Age of what is copied beside records", "Since the topics, and their configurations, were last copied from the source.",
                "s", ("time() - max by (link, kind) (atoll_metadata_sync_last_success_timestamp_seconds@L)", "{{link}} {{kind}}"))
    board.row("Moves and ownership")
    board.lines("Moves that ended", "Planned and forced moves of topics to a region, by result.", "short",
                ("sum by (link, mode, result) (atoll_failover_operations_total@L)", "{{link}} {{mode}} {{result}}"), width=6)
    board.lines("Last move: nobody accepted records", "For how long, of the last move over each link. Zero lines: none since the start.",
                "s", ("max by (instance, link) (atoll_failover_last_duration_seconds@L)", "{{instance}} {{link}}"), width=6)
    board.lines("Last move: records lost", "Records of the old owner that are known to be missing here. They are kept in its quarantine "
                "when it returns.", "short", ("max by (instance, link) (atoll_failover_last_lost_records@L)", "{{instance}} {{link}}"),
                width=6)
    board.lines("Records in quarantine", "Set aside from the tails of former owners: `atoll quarantine list`.", "short",
                ("sum by (instance, topic) (atoll_quarantine_records@R)", "{{instance}} {{topic}}"), width=6)
    board.lines("Writes refused per second", "By reason: clients that write to a mirror, or to an owner that was fenced.", "short",
                (f"sum by (instance, reason) (rate(atoll_fenced_writes_total@R{RATE}))", "{{instance}} {{reason}}"))
    board.lines("Ownership epochs", "A step is a change of owner, or an unclean stop.", "short",
                ("max by (instance, topic) (atoll_ownership_epoch@R)", "{{instance}} {{topic}}"))
    board.lines("Lease remaining", "Until a region must stop accepting records unless its lease is prolonged. Only in lease mode.", "s",
                ("min by (instance) (atoll_lease_remaining_seconds@R)", "{{instance}}"))
    return board


def link() -> Dashboard:
    board = Dashboard("atoll-link", "Atoll: link", "One link: how far behind, how fast, what fails, and where its groups are.",
                      [JOB, INSTANCE, LINK, TOPIC], EVENTS)
    board.row("Now")
    board.stat("Recovery point", "Age of what a failover now would lose.", "s", "max by (link) (atoll_link_rpo_seconds@L)", "{{link}}")
    board.stat("Records behind", "The sources' high watermarks as last heard, minus what is durable here.", "short",
               "sum by (link) (atoll_mirror_lag_records@T)", "{{link}}")
    board.stat("Last answer of the source", "How long ago.", "s",
               "time() - max by (link) (atoll_link_last_contact_timestamp_seconds@L)", "{{link}}", steps={"green": None, "red": 10})
    board.stat("Control connection", "Without one data goes on, groups are polled, and nothing is compared.", "short",
               "max by (link) (atoll_link_control_connected@L)", "{{link}}", steps=BLOCKERS, words={"1": "connected", "0": "none"})
    board.row("Lag")
    board.lines("Lag in seconds, the 20 worst partitions", "Age of the oldest record that is not durable here. No line: unknown.", "s",
                ("topk(20, max by (link, topic, partition) (atoll_mirror_lag_seconds@T))", "{{link}} {{topic}}-{{partition}}"), width=12)
    board.table("The 20 worst partitions", "By lag in seconds, with the same lag in records and bytes (estimated).", {
        "Seconds": ("topk(20, max by (link, topic, partition) (atoll_mirror_lag_seconds@T))", "s"),
        "Records": ("max by (link, topic, partition) (atoll_mirror_lag_records@T) and topk(20, max by (link, topic, partition) "
                    "(atoll_mirror_lag_seconds@T))", "short"),
        "Bytes": ("max by (link, topic, partition) (atoll_mirror_lag_bytes@T) and topk(20, max by (link, topic, partition) "
                  "(atoll_mirror_lag_seconds@T))", "bytes")})
    board.row("Flow")
    board.heatmap("Replication time", "From a record's timestamp to its durability here.", "s",
                  f"sum by (le) (increase(atoll_mirror_replication_duration_seconds_bucket@L{RATE}))")
    board.lines("Replication time, median and 99th percentile", "Per link, from a record's timestamp to its durability here.", "s",
                *((f"histogram_quantile({quantile}, sum by (link, le) (rate(atoll_mirror_replication_duration_seconds_bucket@L{RATE})))",
                   "{{link}} p" + name) for quantile, name in ((0.5, "50"), (0.99, "99"))), width=12)
    board.lines("Records per second: written at the source, mirrored here", "Growth of the source's end as heard, and what became "
                "durable here.", "short",
                (f"sum by (link) (deriv(atoll_mirror_source_end_offset@T{RATE}))", "{{link}} source"),
                (f"sum by (link) (rate(atoll_mirror_records_total@T{RATE}))", "{{link}} mirrored"))
    board.lines("Mirrored records per second, by topic", "As they become durable here.", "short",
                (f"topk(20, sum by (link, topic) (rate(atoll_mirror_records_total@T{RATE})))", "{{link}} {{topic}}"))
    board.lines("Mirrored bytes per second, by topic", "As stored: compressed batches count compressed.", "Bps",
                (f"topk(20, sum by (link, topic) (rate(atoll_mirror_bytes_total@T{RATE})))", "{{link}} {{topic}}"))
    board.row("Trouble")
    board.lines("Link state", "1 for the state that a link is in.", "short",
                ("max by (link, state) (atoll_link_state@L) > 0", "{{link}} {{state}}"), stacked=True)
    board.lines("Tasks", "discover copies topics and their configurations, fetch pulls, verify compares; each in the state that what it has "
                "reached tells: running, failing, paused, or off.", "short",
                ("max by (link, task, state) (atoll_link_task_state@L) > 0", "{{link}} {{task}} {{state}}"), stacked=True)
    board.lines("Errors by stage", "What fails while connecting, pulling, verifying or applying. Brief errors at a restart are normal.",
                "short", (f"sum by (link, stage, error) (rate(atoll_mirror_errors_total@L{RATE}))", "{{link}} {{stage}} {{error}}"))
    board.lines("Round trip to the source, median and 99th percentile", "Of heartbeats on the control connection.", "s",
                *((f"histogram_quantile({quantile}, sum by (link, le) (rate(atoll_link_rtt_seconds_bucket@L{RATE})))",
                   "{{link}} p" + name) for quantile, name in ((0.5, "50"), (0.99, "99"))))
    board.lines("Offsets lost to gaps", "What the source's retention had removed before it was mirrored, since the region started.",
                "short", ("sum by (link, topic) (atoll_mirror_gap_records_total@T)", "{{link}} {{topic}}"), width=6)
    board.lines("Divergences and mismatches", "Partitions whose bytes turned out to differ from the source's, while pulling and while "
                "comparing, since the region started. Any is an incident.", "short",
                ("sum by (link, topic) (atoll_mirror_divergence_total@T)", "{{link}} {{topic}} diverged"),
                ("sum by (link, topic) (atoll_mirror_mismatch_total@T)", "{{link}} {{topic}} mismatch"), width=6)
    board.lines("Sources that became others", "Topics that were deleted or made anew at the source, since the region started.", "short",
                ("sum by (link, topic, cause) (atoll_mirror_source_reset_total@T)", "{{link}} {{topic}} {{cause}}"), width=6)
    board.lines("Compared with the source", "Partitions by what comparing them found.", "short",
                ("sum by (link, result) (atoll_mirror_verified_partitions@L)", "{{link}} {{result}}"), width=6, stacked=True)
    board.lines("Not compared yet, the 20 longest", "Offsets that are here and were not compared with the source.", "short",
                ("topk(20, max by (link, topic, partition) (atoll_mirror_applied_end_offset@T - atoll_mirror_verified_offset@T))",
                 "{{link}} {{topic}}-{{partition}}"))
    board.row("Groups")
    board.table("Group offsets behind the source, the 20 longest", "Age of a group's oldest commit that is known and not placed here.",
                {"Lag": ("topk(20, max by (link, group) (atoll_offset_sync_lag_seconds@L))", "s")}, width=8)
    board.lines("Groups by state", "placed: resumes here exactly. held: waits for records. conflict: works here already.", "short",
                ("sum by (link, state) (atoll_offset_sync_groups@L)", "{{link}} {{state}}"), stacked=True)
    board.lines("Positions of other regions' mirrors", "How far mirrors of this region's topics are behind, as those regions say.",
                "short", ("sum by (instance, topic) (atoll_partition_high_watermark_offset@R) - on (instance, topic) group_right() "
                          "sum by (instance, region, topic) (atoll_region_applied_offset@R)", "{{topic}} in {{region}}"))
    return board


def broker() -> Dashboard:
    board = Dashboard("atoll-broker", "Atoll: broker and groups", "Each region as a broker: requests, topics, consumer groups, disk and "
                      "process.", [JOB, INSTANCE], EVENTS[2:])
    board.row("Requests")
    board.lines("Requests per second", "Answered by each region, by API.", "short",
                (f"sum by (instance, api) (rate(atoll_broker_requests_total@R{RATE})) > 0", "{{instance}} {{api}}"))
    board.lines("Errors answered per second", "By API and Kafka error. NOT_LEADER_OR_FOLLOWER and POLICY_VIOLATION: clients write to a "
                "mirror.", "short", (f'sum by (instance, api, error) (rate(atoll_broker_requests_total@R(error!="NONE"){RATE}))',
                                     "{{instance}} {{api}} {{error}}"))
    board.lines("Request time, 99th percentile", "By API and phase: queue before the handler, local in it, remote waiting for disk or for "
                "new data, send to the socket.", "s",
                (f'histogram_quantile(0.99, sum by (instance, api, phase, le) (rate(atoll_broker_request_duration_seconds_bucket@R'
                 f'(api=~"Produce|Fetch|OffsetCommit|JoinGroup"){RATE})))', "{{instance}} {{api}} {{phase}}"))
    board.lines("Bytes in and out", "Of request and response frames.", "Bps",
                (f"sum by (instance) (rate(atoll_broker_received_bytes_total@R{RATE}))", "{{instance}} in"),
                (f"sum by (instance) (rate(atoll_broker_sent_bytes_total@R{RATE}))", "{{instance}} out"))
    board.lines("Connections", "Open client connections.", "short", ("sum by (instance) (atoll_broker_connections@R)", "{{instance}}"))
    board.lines("Connections closed per second", "By reason; client is the normal one.", "short",
                (f"sum by (instance, reason) (rate(atoll_broker_connections_closed_total@R{RATE})) > 0", "{{instance}} {{reason}}"))
    board.row("Topics")
    for what, unit in (("records", "short"), ("bytes", "Bps")):
        board.lines(f"Produced {what} per second", "Taken from producers, the 20 busiest topics.", unit,
                    (f"topk(20, sum by (instance, topic) (rate(atoll_topic_produced_{what}_total@R{RATE})))", "{{instance}} {{topic}}"),
                    width=6)
        board.lines(f"Consumed {what} per second", "Handed to consumers and to mirrors in other regions, the 20 busiest topics.", unit,
                    (f"topk(20, sum by (instance, topic) (rate(atoll_topic_consumed_{what}_total@R{RATE})))", "{{instance}} {{topic}}"),
                    width=6)
    board.lines("Log size by topic", "Bytes on disk, the 20 largest.", "bytes",
                ("topk(20, sum by (instance, topic) (atoll_partition_size_bytes@R))", "{{instance}} {{topic}}"), width=12)
    board.lines("Records kept by topic", "From the log start to the high watermark, the 20 largest.", "short",
                ("topk(20, sum by (instance, topic) (atoll_partition_high_watermark_offset@R - atoll_partition_log_start_offset@R))",
                 "{{instance}} {{topic}}"), width=6)
    board.lines("Held back by open transactions", "Records that read_committed consumers can't read yet, the 20 longest.", "short",
                ("topk(20, sum by (instance, topic) (atoll_partition_high_watermark_offset@R - atoll_partition_last_stable_offset@R))",
                 "{{instance}} {{topic}}"), width=6)
    board.row("Consumer groups")
    board.lines("Group lag in seconds, the 20 longest", "Age of the next record that the group has not consumed.", "s",
                ("topk(20, max by (instance, group, topic) (atoll_group_lag_seconds@R))", "{{instance}} {{group}} {{topic}}"))
    board.lines("Group lag in records, the 20 longest", "Records that the group has not consumed, by topic.", "short",
                ("topk(20, sum by (instance, group, topic) (atoll_group_lag_records@R))", "{{instance}} {{group}} {{topic}}"))
    board.lines("Members, the 20 largest groups", "Members of the group in this region.", "short",
                ("topk(20, sum by (instance, group) (atoll_group_members@R))", "{{instance}} {{group}}"), width=4)
    board.lines("Groups by state", "Kafka's states.", "short",
                ("sum by (instance, state) (atoll_group_state@R)", "{{instance}} {{state}}"), width=4, stacked=True)
    board.row("Disk and process")
    board.lines("Disk free, now and in six hours", "Of the data folder's disk; the forecast goes by the last hour.", "bytes",
                ("min by (instance) (atoll_storage_disk_free_bytes@R)", "{{instance}} now"),
                ("min by (instance) (predict_linear(atoll_storage_disk_free_bytes@R[1h], 6 * 3600))", "{{instance}} in 6 h"))
    board.lines("fsync, median and 99th percentile", "One sync round of a storage shard. Every acknowledgement of a topic with durability "
                "fsync waits for one.", "s",
                *((f"histogram_quantile({quantile}, sum by (instance, le) (rate(atoll_storage_fsync_duration_seconds_bucket@R{RATE})))",
                   "{{instance}} p" + name) for quantile, name in ((0.5, "50"), (0.99, "99"))))
    board.lines("Disk faults", "Syncs that failed and damage found in logs, since the start. Any is an incident.", "short",
                ("sum by (instance) (atoll_storage_sync_errors_total@R)", "{{instance}} sync errors"),
                ("sum by (instance) (atoll_storage_corruptions_total@R)", "{{instance}} damage"))
    board.lines("CPU", "Cores in use by the process.", "short", (f"rate(process_cpu_seconds_total@R{RATE})", "{{instance}}"), width=6)
    board.lines("Memory", "Resident bytes of the process; the page cache is not in it.", "bytes",
                ("process_resident_memory_bytes@R", "{{instance}}"), width=6)
    board.lines("Open files", "Descriptors in use as a part of the limit.", "percentunit",
                ("process_open_fds@R / process_max_fds@R", "{{instance}}"), width=6)
    board.lines("Reactor stalls per second", "Times a reactor was busy too long with one thing.", "short",
                (f"sum by (instance) (rate(atoll_reactor_stalls_total@R{RATE}))", "{{instance}}"), width=6)
    board.stat("Last reload of the configuration", "FAILED: the files were refused and what ran before still runs; `atoll config "
               "validate` says why.", "short", "min by (instance) (atoll_config_last_reload_successful@R)", "{{instance}}", width=8,
               steps=BLOCKERS, words={"1": "taken over", "0": "FAILED"})
    board.table("Versions", "What runs where, and since when.", {
        "-build": ("max by (instance, version, commit) (atoll_build_info@R)", "short"),
        "Up": ("max by (instance) (time() - process_start_time_seconds@R)", "s")}, width=16, height=5)
    return board


def main() -> int:
    stale = 0
    for name, board in (("overview", overview()), ("link", link()), ("broker", broker())):
        path, text = FOLDER / f"{name}.json", board.json()
        if "--check" in sys.argv and (not path.exists() or path.read_text() != text):
            print(f"{path} is not what dashboards/grafana.py writes: run it", file=sys.stderr)
            stale = 1
        elif "--check" not in sys.argv:
            path.write_text(text)
    return stale


if __name__ == "__main__":
    sys.exit(main())
