"""Sample views: department."""

from collections.abc import Iterator
from dataclasses import replace

from api.catalogue.quality import quality as quality_rules
from api.locale import Lang
from api.portals.views import common, department, quality
from api.services.quality import DEFINITIONS
from tests.portals.sample_views.shared import DAY, MINUTE, T0, Words, delay, late_proof, proof


def department_pages(lang: Lang) -> Iterator[tuple[str, str, str, str, object]]:
    t = Words(lang)
    name = t("机动车驾驶证", "Driving licence")
    types = (
        common.Choice(value="person.driving_licence", label=name),
        common.Choice(value="person.residence_permit", label=t("居住证", "Residence permit")),
    )
    columns = (
        department.Column(
            name="证号", rule=t("身份证号，18 位", "Resident identity number, 18 characters"), required=True
        ),
        department.Column(name="姓名", rule=t("文字，最多 50 字", "Text, at most 50 characters"), required=True),
        department.Column(name="住址", rule=t("地址", "Address"), required=False),
    )
    new = department.NewReturn(
        types=types, chosen=None, columns=(), template_url=None, max_bytes=33554432, max_rows=200000, error=None
    )
    yield "new", "department/new.html", "new", "/department", new
    yield (
        "new-chosen",
        "department/new.html",
        "new",
        "/department",
        replace(
            new,
            chosen="person.driving_licence",
            columns=columns,
            template_url="/x.csv",
            error=common.FormError(
                code="return.empty", text=t("文件里没有数据行。", "The file holds no rows."), field="file"
            ),
        ),
    )
    line = department.ReturnLine(
        id="ret_1", type_name=name, state="anchored", total=20000, good=19987, bad=13, created_at_ms=T0 - DAY
    )
    states = ("received", "checking", "checked", "sealed", "anchored", "failed")
    yield (
        "returns",
        "department/returns.html",
        "returns",
        "/department/returns",
        department.Returns(
            returns=(
                *(replace(line, id=f"ret_{s}", state=s) for s in states),
                replace(line, id="ret_late", state="sealed", delay=delay(t, "anchoring.halted")),
            ),
            pager=common.Pager(newer_url="/a", older_url="/b"),
        ),
    )
    yield (
        "returns-empty",
        "department/returns.html",
        "returns",
        "/department/returns",
        department.Returns(returns=(), pager=common.Pager()),
    )
    row = department.RowReport
    rows = (
        row(
            line=17,
            column="证号",
            state="bad",
            reason=t("证件号码校验位不对", "The check digit of the number is wrong"),
            code="catalogue.id_check",
        ),
        row(
            line=208,
            column="有效期至",
            state="warned",
            reason=t("日期早于今天", "The date lies before today"),
            code="row.past",
        ),
        row(
            line=19002,
            column=None,
            state="duplicate",
            reason=t("与第 18 行相同", "The same as line 18"),
            code="row.duplicate",
        ),
    )
    one = department.Return(
        id="ret_7Q2M4T8ZK1VX9R3B",
        type_name=name,
        state="checked",
        file_bytes=2314567,
        created_at_ms=T0 - 3 * MINUTE,
        sealed_at_ms=None,
        anchored_at_ms=None,
        done=20000,
        total=20000,
        good=19980,
        warned=7,
        bad=12,
        duplicate=1,
        rows=rows,
        more_rows=True,
        report_url="/x.csv",
        progress_url="/x.json",
        progress_text="",
        error=None,
        custody="demo",
        proof=None,
        can_seal=True,
    )
    yield "return-checked", "department/return.html", "returns", "/department/returns/ret_1", one
    yield (
        "return-running",
        "department/return.html",
        "returns",
        "/department/returns/ret_1",
        replace(
            one,
            state="checking",
            done=7168,
            rows=(),
            more_rows=False,
            good=7100,
            can_seal=False,
            progress_text=t("已检查 7,168 / 20,000 行", "7,168 of 20,000 rows checked"),
        ),
    )
    yield (
        "return-anchored",
        "department/return.html",
        "returns",
        "/department/returns/ret_1",
        replace(
            one,
            state="anchored",
            rows=(),
            more_rows=False,
            bad=0,
            warned=0,
            can_seal=False,
            sealed_at_ms=T0 - MINUTE,
            anchored_at_ms=T0,
            proof=proof("return"),
        ),
    )
    yield (
        "return-delayed",
        "department/return.html",
        "returns",
        "/department/returns/ret_1",
        replace(
            one,
            state="sealed",
            done=0,
            can_seal=False,
            sealed_at_ms=T0 - 20 * MINUTE,
            progress_text=delay(t, "anchoring.refused").text,
            proof=late_proof(t, "return", "anchoring.refused"),
        ),
    )
    yield (
        "return-failed",
        "department/return.html",
        "returns",
        "/department/returns/ret_1",
        replace(
            one,
            state="failed",
            total=0,
            done=0,
            rows=(),
            more_rows=False,
            can_seal=False,
            error=common.FormError(
                code="return.columns_missing",
                text=t(
                    "缺少列：证号。没有存入任何数据，请补齐后重新上传。",
                    "Columns missing: 证号. Nothing was stored; add them and upload again.",
                ),
            ),
        ),
    )


def department_intake_pages(lang: Lang) -> Iterator[tuple[str, str, str, str, object]]:
    t = Words(lang)
    fields = tuple(
        common.Choice(value=value, label=t(zh, en))
        for value, zh, en in (
            ("id_number", "证号", "Licence number"),
            ("name", "姓名", "Name"),
            ("valid_from", "有效起始日期", "Valid from"),
            ("valid_until", "有效期至", "Valid until"),
        )
    )
    column = department.MappedColumn(
        number=1,
        header=t("驾驶证号", "licence no"),
        shown=t("驾驶证号", "licence no"),
        samples=("3710*************X", "3710*************4"),
        field="id_number",
        basis=t("列名是其别称", "By another name for it"),
        doubtful=False,
        choices=fields,
    )
    view = department.Columns(
        id="ret_7Q2M4T8ZK1VX9R3B",
        type_name=t("机动车驾驶证", "Driving licence"),
        form=t("Excel 工作簿", "Excel workbook"),
        sheets=(
            common.Choice(value="0", label=t("2026（1,204 行）", "2026 (1,204 rows)")),
            common.Choice(value="2", label=t("说明（3 行）", "notes (3 rows)")),
        ),
        sheet=0,
        columns=(
            column,
            replace(
                column,
                number=2,
                header="name",
                shown=t("姓名", "name"),
                samples=(t("张*", "Z***"), t("欧***", "O***")),
                field="name",
                doubtful=True,
            ),
            replace(
                column,
                number=3,
                header="from",
                shown=t("起", "from"),
                samples=("20**-**-*1",),
                field="",
                basis=t("未认出", "Not recognised"),
            ),
        ),
        missing=(t("有效起始日期", "Valid from"),),
        error=None,
    )
    path = "/department/returns/ret_1/columns"
    yield "columns", "department/columns.html", "returns", path, view
    yield (
        "columns-sheet",
        "department/columns.html",
        "returns",
        path,
        replace(view, sheet=None, columns=(), missing=()),
    )


def quality_pages(portal: str, lang: Lang) -> Iterator[tuple[str, str, str, str, object]]:
    t = Words(lang)

    def share(part: int, whole: int) -> quality.Share:
        per_mille = part * 1000 // whole
        return quality.Share(text=f"{per_mille // 10}.{per_mille % 10} %", part=part, whole=whole, per_mille=per_mille)

    licence = t("机动车驾驶证", "Driving licence")
    view = quality.Quality(
        base=f"/{portal}/quality",
        period=True,
        first="2026-10-24",
        last="2026-11-22",
        passed=share(19987, 20020),
        lines=(
            quality.Line(
                party=t("演示市公安局", "Demo Public Security Bureau") if portal == "regulator" else "",
                type_name=licence,
                returns=3,
                passed=share(19987, 20020),
            ),
        ),
        rules=tuple(
            quality.Rule(severity=rule.severity.value, text=t(rule.zh, rule.en), found=share(at * 3, 20100))
            for at, rule in enumerate(quality_rules().rules.values())
        ),
        worst=(quality.Worst(type_name=licence, field=t("证号", "Licence number"), rows=21),),
        trend=(
            quality.Day(day=t("2026年11月21日", "21 Nov 2026"), passed=share(9000, 9020)),
            quality.Day(day=t("2026年11月22日", "22 Nov 2026"), passed=share(10987, 11000)),
        ),
        definitions={name: t(zh, en) for name, (zh, en) in DEFINITIONS.items()},
        error=None,
    )
    yield "quality", "staff/quality.html", "quality", view.base, view
    nothing = replace(view, passed=quality.Share(text="", part=0, whole=0, per_mille=0), lines=())
    yield "quality-empty", "staff/quality.html", "quality", view.base, nothing


def department_quality_pages(lang: Lang) -> Iterator[tuple[str, str, str, str, object]]:
    yield from quality_pages("department", lang)


def regulator_quality_pages(lang: Lang) -> Iterator[tuple[str, str, str, str, object]]:
    yield from quality_pages("regulator", lang)
