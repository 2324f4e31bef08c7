"""What may go wrong, each with a stable code and a sentence in both languages.

`RefusedError` is the service's own answer; the others arise here: nothing came back, or what came cannot be trusted.
"""

from collections.abc import Mapping

TEXTS: Mapping[str, tuple[str, str]] = {
    "client.unreachable": (
        "未能收到服务的应答，请求可能已经生效。请用同一幂等键重试。",
        "The service did not answer; the request may have taken effect. Try again under the same idempotency key.",
    ),
    "client.bad_answer": (
        "服务的应答不符合接口说明，未采用其中任何内容。请核对地址与客户端版本。",
        "The answer is not of the documented form; nothing of it was used. Check the address and the client's version.",
    ),
    "client.bad_digest": (
        "收到的文件与其摘要不一致，请勿使用，请重新取用。",
        "The file that came does not fit its digest. Do not use it; take it again.",
    ),
    "client.bad_promise": (
        "回执上的签名不是日志密钥所签，请勿采信，并联系监管部门。",
        "The receipt's promise is not by the log's key. Do not rely on it, and tell the regulator.",
    ),
    "client.bad_archive": (
        "压缩包与其清单不一致，请勿使用，请重新下载。",
        "The archive does not fit its own manifest. Do not use it; download it again.",
    ),
    "client.bad_notice": (
        "消息的签名、时间或内容未通过核验，不予采信。",
        "The notice's signature, time or content did not verify; it must not be acted on.",
    ),
    "client.too_slow": (
        "批量取数在等待时限内未准备完毕；任务仍在继续，请稍后再查。",
        "The pull job was not ready within the time allowed; it goes on, look again later.",
    ),
}


class MydataError(Exception):
    """Root of the client's errors. `code` is stable; `facts` hold counts and places, never anything personal."""

    def __init__(self, code: str, **facts: str | int) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts

    def text(self, language: str = "zh-Hans") -> str:
        """What happened and what to do, in Chinese or (`en`) English."""
        zh, en = TEXTS.get(self.code, (self.code, self.code))
        return en if language == "en" else zh


class RefusedError(MydataError):
    """The service refused: HTTP `status`, its problem's code and facts, and its own sentences (RFC 9457)."""

    def __init__(self, status: int, code: str, facts: Mapping[str, str | int], zh: str, en: str) -> None:
        super().__init__(code, **facts)
        self.status = status
        self._texts = zh, en

    def text(self, language: str = "zh-Hans") -> str:
        """The service's sentence."""
        return self._texts[1] if language == "en" else self._texts[0]


class UnreachableError(MydataError):
    """No answer, however often it was tried (`client.unreachable`); what was asked may have taken effect."""


class UntrustedError(MydataError):
    """What came is not what it should be (`client.bad_…`): it must not be used."""
