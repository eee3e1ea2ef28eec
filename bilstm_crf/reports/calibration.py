"""Report the calibration of a model: a reliability diagram and its numbers."""

from __future__ import annotations

from bilstm_crf.evaluation.reliability import Calibration, Reliability
from bilstm_crf.render.charts import Line, LineChart
from bilstm_crf.render.document import Block, Figure, Gallery, Paragraph
from bilstm_crf.render.table import Number, Percent, Table, columns, show

ABOUT = (
    "The score of a span is its probability; it is right if boundaries and type are. Each bin has equally "
    "many spans. Lines are named by their temperature, of which dev chose one; ideal: perfect scores."
)


def reliability_blocks(calibration: Calibration) -> list[Block]:
    """Return a summary, the reliability diagram and its bins."""
    before, after = calibration.before, calibration.after
    temperature = show(Number(calibration.temperature, decimals=2))
    summary = (
        *(f"Temperature {temperature}. Expected calibration error ", Percent(after.error), " %; "),
        *("without the temperature ", Percent(before.error), " %; "),
        *("by chance alone ", Percent(after.chance), " %."),
    )
    table = Table(
        "",
        columns("bin", "spans", "mean score", "right"),
        [
            (str(number), each.spans, Percent(each.score), Percent(each.right))
            for number, each in enumerate(after.bins, start=1)
        ],
    )
    chart = Figure("Right spans by score, per cent", reliability_chart(calibration))
    return [Paragraph(summary), Paragraph(ABOUT, is_note=True), Gallery([chart, table])]


def reliability_chart(calibration: Calibration) -> LineChart:
    """Return the share of right spans by mean score, before and after, beside the diagonal."""
    now = f"{calibration.temperature:.2g}"
    lines = [
        Line("scores", now, _points(calibration.after)),
        Line("scores without temperature", "1", _points(calibration.before)),
        Line("perfect scores", "ideal", [(0.0, 0.0), (100.0, 100.0)]),
    ]
    return LineChart("Right spans by score", lines, x_name="score", bounds=(0, 100))


def _points(found: Reliability) -> list[tuple[float, float]]:
    return [(round(100 * each.score, 1), round(100 * each.right, 1)) for each in found.bins]
