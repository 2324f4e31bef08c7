"""Sample views: department."""

from collections.abc import Iterator
from dataclasses import replace

from api.locale import Lang
from api.portals.views import common, department
from tests.portals.sample_views.shared import DAY, MINUTE, T0, Words, proof


def department_pages(lang: Lang) -> Iterator[tuple[str, str, str, str, object]]:
    t = Words(lang)
    name = t("机动车驾驶证", "Driving licence")
    types = (
        common.Choice(value="person.driving_licence", label=name),
        common.Choice(value="person.residence_permit", label=t("居住证", "Residence permit")),
    )
    columns = (
        department.Column(
            name="证号", rule=t("身份证号,18 位", "Resident identity number, 18 characters"), required=True
        ),
        department.Column(name="姓名", rule=t("文字,最多 50 字", "Text, at most 50 characters"), required=True),
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
            returns=tuple(replace(line, id=f"ret_{s}", state=s) for s in states),
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
                    "缺少列:证号。没有存入任何数据,请补齐后重新上传。",
                    "Columns missing: 证号. Nothing was stored; add them and upload again.",
                ),
            ),
        ),
    )
