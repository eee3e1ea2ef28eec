"""How reliable a model's scores are: a reliability diagram and its numbers."""

from __future__ import annotations

from bilstm_crf.evaluation.reliability import Calibration, Reliability
from bilstm_crf.render.charts import Line, LineChart
from bilstm_crf.render.document import Block, Figure, Gallery, Paragraph
from bilstm_crf.render.table import Number, Percent, Table, columns, show

ABOUT = (
    "The score of a span is its probability; it is right if boundaries and type are. Each bin has equally "
    "many spans. A perfect line is the diagonal. Dev chose the temperature."
)


def reliability_blocks(calibration: Calibration) -> list[Block]:
    """Return a summary, the reliability diagram and its bins."""
    before, after = calibration.before, calibration.after
    summary = (
        f"Temperature {show(Number(calibration.temperature, decimals=2))}. Expected calibration error ",
        *(Percent(after.error), " (", Percent(before.error)),
        *(" without it); chance alone would give ", Percent(after.chance), "."),
    )
    table = Table(
        "",
        columns("bin", "spans", "mean score", "right"),
        [
            (str(number), each.spans, Percent(each.score), Percent(each.right))
            for number, each in enumerate(after.bins, start=1)
        ],
    )
    chart = Figure("Right spans by score, per cent", reliability_chart(before, after))
    return [Paragraph(summary), Paragraph(ABOUT, is_note=True), Gallery([chart, table])]


def reliability_chart(before: Reliability, after: Reliability) -> LineChart:
    """Return the share of right spans by mean score, before and after, beside the diagonal."""
    lines = [
        Line("scores", "scores", _points(after)),
        Line("without temperature", "before", _points(before)),
        Line("perfect scores", "perfect", [(0.0, 0.0), (100.0, 100.0)]),
    ]
    return LineChart("Right spans by score", lines, x_name="score", bounds=(0, 100))


def _points(found: Reliability) -> list[tuple[float, float]]:
    return [(round(100 * each.score, 1), round(100 * each.right, 1)) for each in found.bins]
