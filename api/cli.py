"""The `mydata` command: thin, every subcommand calls one function of the packages below it."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from api.errors import ApiError
from api.locale import error_text
from api.settings import Settings
from chain.errors import ChainError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
epoch = typer.Typer(no_args_is_help=True, help="Keys that mark copies / 标记副本的密钥期")
app.add_typer(epoch, name="epoch")
out = Console()
err = Console(stderr=True)

DataDir = Annotated[Path, typer.Option("--data", help="Data directory / 数据目录")]
ServiceUrl = Annotated[str, typer.Option("--url", help="Address of the running service / 服务地址")]
Store = Annotated[
    str,
    typer.Option(
        "--database",
        help="Database URL; by default SQLite in the data directory / 数据库地址，默认为数据目录内的 SQLite",
    ),
]
DEFAULT_DATA = Path("data")
DEFAULT_URL = "http://127.0.0.1:8000"


def fail(error: ApiError | ChainError) -> typer.Exit:
    """Say what happened in both languages, with the code, and exit with 1."""
    facts = error.facts if isinstance(error, ApiError) else {}
    err.print(f"[bold red]✗[/] {error_text(error.code, 'zh-Hans', facts)}")
    err.print(f"  {error_text(error.code, 'en', facts)}")
    err.print(f"  [dim]{error.code}[/]")
    return typer.Exit(1)


@app.command()
def up(
    engine: Annotated[str, typer.Option(help="embedded, or a node's RPC URL / 内嵌引擎或节点地址")] = "embedded",
    data: DataDir = DEFAULT_DATA,
    port: Annotated[int, typer.Option(help="Port of the service / 服务端口")] = 8000,
    seed: Annotated[bool, typer.Option(help="Demo data on first start / 首次启动写入演示数据")] = True,
    database: Store = "",
) -> None:
    """Start chain, worker and service; print the addresses and the demo identities."""
    from api.demo.up import run

    try:
        run(data.absolute(), engine=engine, port=port, seed=seed, console=out, database_url=database)
    except (ApiError, ChainError) as error:
        raise fail(error) from None


@app.command()
def demo(
    citizens: Annotated[int, typer.Option(min=20)] = 60,
    records: Annotated[int, typer.Option(min=200)] = 600,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result here / 结果写入文件")] = None,
    database: Annotated[
        str,
        typer.Option(
            help="URL of an empty database, or postgresql for a temporary one / 空数据库地址，或 postgresql（临时）"
        ),
    ] = "",
) -> None:
    """Run the main job headless in a temporary directory, on real processes, and say whether each step held."""
    from api.demo.postgres import store_url
    from api.demo.run import run
    from api.launch import end_on_sigterm

    end_on_sigterm()
    try:
        with store_url(database) as url:
            result = run(citizens=citizens, records=records, console=out, database_url=url)
    except (ApiError, ChainError) as error:
        raise fail(error) from None
    if json_file is not None:
        json_file.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    raise typer.Exit(0 if result["ok"] else 1)


@app.command("return")
def return_(
    file: Path,
    type_name: Annotated[str, typer.Option("--type", help="Certificate type: code or name / 证照类型")],
    url: ServiceUrl = DEFAULT_URL,
) -> None:
    """Return a department's file: checked row by row, sealed, anchored."""
    from api.demo.commands import return_file

    try:
        ok = return_file(file, type_name, url, out)
    except (ApiError, ChainError) as error:
        raise fail(error) from None
    raise typer.Exit(0 if ok else 1)


@app.command()
def agent(
    folder: Path,
    url: ServiceUrl = DEFAULT_URL,
    keys: Annotated[Path, typer.Option(help="Folder of the department's keys / 部门密钥目录")] = Path("keys"),
    trust: Annotated[Path, typer.Option(help="Trust file, obtained separately / 另行取得的信任文件")] = Path(
        "trust.json"
    ),
    make_keys: Annotated[bool, typer.Option("--make-keys", help="Draw the keys and print what to register")] = False,
    once: Annotated[bool, typer.Option("--once", help="One turn, then end / 只运行一轮")] = False,
    demo_numbers: Annotated[bool, typer.Option("--demo-numbers", help="Take numbers of the demo region")] = False,
    accept_columns: Annotated[
        Path | None,
        typer.Option(help="Report of a failed file: accept its columns, try it again / 认可失败报告所列的列，重新处理"),
    ] = None,
) -> None:
    """Return files from a folder of the department's machine, compute their roots here, sign with its own key."""
    from api.agent.line import run

    try:
        ok = run(
            folder,
            url,
            keys,
            trust,
            make_keys=make_keys,
            once=once,
            demo=demo_numbers,
            console=out,
            accept=accept_columns,
        )
    except (ApiError, ChainError) as error:
        raise fail(error) from None
    raise typer.Exit(0 if ok else 1)


@app.command()
def trace(
    files: list[Path],
    url: ServiceUrl = DEFAULT_URL,
    into: Annotated[
        Path | None, typer.Option("--out", help="Folder for the reports: JSON, page, PDF / 存放报告的目录")
    ] = None,
) -> None:
    """Trace leaked files back to the copies that they come from; exit code 3 where one could not be examined."""
    from api.demo.commands import trace as trace_files

    try:
        ok = trace_files(files, url, out, into)
    except (ApiError, ChainError) as error:
        raise fail(error) from None
    raise typer.Exit(0 if ok else 3)


@app.command()
def verify(
    bundle: Path,
    rpc: Annotated[str, typer.Option(help="RPC URL of any node of the chain / 任一节点地址")],
    trust: Annotated[Path, typer.Option(help="Trust file, obtained separately / 另行取得的信任文件")],
    file: Annotated[Path | None, typer.Option(help="The delivered copy / 收到的副本")] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Verify an evidence bundle with the chain and the trust file alone; the service is not asked."""
    from chain.__main__ import run_verify

    raise typer.Exit(run_verify(bundle, rpc, trust, file=file, as_json=as_json))


@app.command(name="verify-seal")
def verify_seal(
    file: Annotated[Path, typer.Argument(help="Sealed PDF / 盖章的 PDF 文件")],
    roots: Annotated[list[Path], typer.Option(help="Root certificates, from elsewhere / 另行取得的根证书")],
    crl: Annotated[list[Path] | None, typer.Option(help="Current revocation lists / 当前的吊销列表")] = None,
    sha256: Annotated[str, typer.Option(help="Hash from the file's receipt / 回执中的校验值")] = "",
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Check a sealed PDF without network. Exit: 0 valid, 1 invalid, 2 unreadable, 3 revoked, 5 unknown, 6 expired."""
    from api.documents.seals.command import verify_seal

    raise typer.Exit(verify_seal(file, roots, crl or [], sha256, as_json=as_json, out=out, err=err))


@app.command()
def fsck(
    data: DataDir = DEFAULT_DATA,
    rpc: Annotated[str, typer.Option(help="RPC URL; by default that of the running devnet / 默认为运行中的链")] = "",
    database: Store = "",
) -> None:
    """Hold the database against itself and against the chain; name every row that was touched."""
    from api.demo.commands import check_store

    try:
        ok = check_store(_settings(data, rpc, database), out)
    except (ApiError, ChainError) as error:
        raise fail(error) from None
    raise typer.Exit(0 if ok else 1)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def witness(ctx: typer.Context) -> None:
    """Follow a receipt log as its witness and co-sign it; compare two witnesses; check a proof of a fork."""
    from chain.witness.command import main

    raise typer.Exit(main(ctx.args))


@app.command("trust-file")
def trust_file(
    data: DataDir = DEFAULT_DATA,
    rpc: Annotated[str, typer.Option(help="RPC URL of a node of the chain / 链节点地址")] = "",
) -> None:
    """Write the deployment's trust file, or add new keys of the identity provider to it; print its SHA-256."""
    from api.publication import publish

    try:
        done = publish(_settings(data, rpc, ""))
    except (ApiError, ChainError) as error:
        raise fail(error) from None
    for line in done.added:
        out.print(f"[green]＋[/] {line}", highlight=False)
    if not done.added:
        out.print("没有新内容 / nothing new", highlight=False)
    out.print(f"{done.path}\nsha256 {done.sha256}", highlight=False, soft_wrap=True)


@app.command("found-offices")
def found_offices(
    operator: Annotated[list[str], typer.Option(help="Staff number of a system administrator / 系统管理员工号")],
    security: Annotated[list[str], typer.Option(help="Staff number of a security officer / 安全管理员工号")],
    auditor: Annotated[list[str], typer.Option(help="Staff number of an auditor / 审计员工号")],
    data: DataDir = DEFAULT_DATA,
    database: Store = "",
) -> None:
    """Give a new deployment its first offices; afterwards two security officers give them."""
    from api.demo.commands import found_offices

    try:
        found_offices(_settings(data, "", database), operator, security, auditor, out)
    except (ApiError, ChainError) as error:
        raise fail(error) from None


@epoch.command("list")
def list_epochs(data: DataDir = DEFAULT_DATA, database: Store = "") -> None:
    """Show the epochs of marking keys: the keys' hashes, and their entries in the log."""
    from api.demo.epoch_commands import show_epochs

    try:
        show_epochs(_settings(data, "", database), out)
    except (ApiError, ChainError) as error:
        raise fail(error) from None


@epoch.command("rotate")
def rotate_epoch(data: DataDir = DEFAULT_DATA, database: Store = "") -> None:
    """Open the next epoch: a new key marks copies from now on; what older ones marked is traced as before."""
    from api.demo.epoch_commands import rotate_epoch as rotate

    try:
        rotate(_settings(data, "", database), out)
    except (ApiError, ChainError) as error:
        raise fail(error) from None


@app.command()
def migrate(data: DataDir = DEFAULT_DATA, database: Store = "") -> None:
    """Bring the database to this version's schema."""
    from api.demo.commands import migrate_store

    try:
        migrate_store(_settings(data, "", database), out)
    except (ApiError, ChainError) as error:
        raise fail(error) from None


@app.command()
def backup(file: Path, data: DataDir = DEFAULT_DATA, database: Store = "") -> None:
    """Back the database up into a new file, encrypted under the month's backup key, while it is in use."""
    from api.demo.commands import backup_store

    try:
        backup_store(_settings(data, "", database), file, out)
    except (ApiError, ChainError) as error:
        raise fail(error) from None


@app.command()
def restore(file: Path, data: DataDir = DEFAULT_DATA, database: Store = "") -> None:
    """Restore a backup to where no database stands, and carry out again what was erased since."""
    from api.demo.commands import restore_store

    try:
        restore_store(_settings(data, "", database), file, out)
    except (ApiError, ChainError) as error:
        raise fail(error) from None


def _settings(data: Path, rpc: str, database: str) -> Settings:
    from api.demo.up import CHAIN_URL_FILE

    known = data.absolute() / CHAIN_URL_FILE
    if not rpc and known.is_file():
        rpc = known.read_text(encoding="utf-8").strip()
    given = {"rpc_url": rpc, "database_url": database}
    return Settings(data_dir=data.absolute()).model_copy(update={name: value for name, value in given.items() if value})


if __name__ == "__main__":
    app()
