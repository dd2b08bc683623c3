"""Did the venue act? OKX's error codes and HTTP statuses, as literal tables.

docs: docs-v5 "Error Code / REST API" (2026-09). An answer has a code of its own, and each row of
an acting request has one (`sCode`), which decides: the outer one only counts rows (1 all failed, 2
some). A code that is not in the table is taken for PERHAPS: reconciling a refusal costs a query,
repeating an order costs money.
"""

from enum import StrEnum
from typing import Final

from messages.base import NS_PER_S, ClientOrderId
from messages.venue import Acted, OrderNotFound, Request, RequestFailed, RequestRefused
from venues.wire import evidence
from venues.wire.asked import NOT_OFFERED, Asked


class Verdict(StrEnum):
    """What an error says about the venue's side of the request."""

    REFUSED = "REFUSED"  # read, and not done
    NOT_FOUND = "NOT_FOUND"  # no such order
    THROTTLED = "THROTTLED"  # not done, for rate
    CLOSED = "CLOSED"  # not done: the service is not there
    PERHAPS = "PERHAPS"  # nobody can say


_REFUSED_CODES: Final = (
    # General: the request, the key, or the state of the account.
    *(50000, 50002, 50003, 50006, 50007, 50008, 50009, 50010, 50012, 50014, 50015, 50016),
    *range(50017, 50026),
    *(50027, 50028, 50029, 50030, 50032, 50033, 50035, 50036, 50037, 50038, 50039, 50041),
    *(50044, 50045, 50046, 50047, 50048, 50049, 50050, 50051, 50052, 50053, 50055, 50056),
    *(50057, 50058, 50059, 50060, 50062, 50063, 50064, 50067, 50069, 50072, 50073),
    *(50075, 50076, 50077),
    *range(50100, 50123),  # 50102, 50107 and 50112 are about our time stamp
    # Placing: a rule of the instrument, the balance, the position or the order's type.
    *(51000, 51001, 51002, 51003, 51004, 51005, 51006, 51007, 51008, 51009, 51010, 51012),
    *(51014, 51015, 51017, 51018, 51019, 51020, 51021, 51022, 51023, 51024, 51025, 51026),
    *(51027, 51028, 51029, 51030, 51031, 51032, 51033, 51034, 51035, 51036, 51037, 51038),
    *(51039, 51040, 51041, 51042, 51043, 51044, 51045, 51046, 51047, 51048, 51049, 51050),
    *(51051, 51052, 51053, 51055, 51056, 51057, 51058, 51059, 51063, 51064, 51066, 51067),
    *(51069, 51070, 51071, 51072, 51073, 51074, 51075, 51076, 51077, 51078, 51079, 51080, 51081),
    *(51082, 51083, 51084, 51085, 51086, 51087, 51088, 51089, 51090, 51091, 51092, 51093),
    *(51094, 51095, 51096, 51098, 51099, 51100, 51101, 51102, 51103, 51104, 51105, 51106),
    *(51107, 51108, 51109, 51110, 51111, 51112, 51115, 51116, 51117, 51118, 51119, 51120),
    *(51121, 51122, 51123, 51124, 51125, 51126, 51127, 51128, 51129, 51130, 51131, 51132),
    *(51133, 51134, 51135, 51136, 51137, 51138, 51139, 51143, 51147, 51148, 51150, 51151),
    *(51152, 51153, 51155, 51156, 51157, 51158, 51159, 51162, 51163, 51164, 51166, 51169),
    *(51140, 51142, 51144, 51154, 51165, 51167, 51168, 51182, 51186, 51187),
    *range(51192, 51198),
    *(51206, 51207, 51209, 51210, 51211, 51212, 51213, 51214),
    *(51170, 51171, 51173, 51174, 51175, 51176, 51177, 51178, 51179, 51180, 51181, 51185),
    *(51201, 51202, 51203, 51204, 51205, 51250, 51251, 51252, 51253, 51254, 51255, 51256),
    *(51257, 51258, 51259, 51260, 51261, 51262, 51263, 51264, 51265, 51267, 51268, 51269),
    *(51270, 51271, 51272, 51273, 51274, 51275, 51276, 51277, 51278, 51279, 51280, 51281),
    *(51282, 51283, 51284, 51285, 51286, 51287, 51288, 51289, 51290, 51291, 51292, 51293),
    *(51294, 51295, 51296, 51297, 51298, 51299, 51300, 51301, 51302, 51303, 51304, 51305),
    *range(51306, 51315),
    *range(51316, 51322),
    *range(51323, 51329),
    *(51330, 51331, 51332, 51333, 51338, 51339, 51340, 51341, 51342, 51343, 51344, 51345),
    *(51346, 51347, 51348, 51349, 51350, 51351),
    # Canceling: it is done, canceled, or not there; and what cannot be canceled.
    *(51400, 51401, 51402, 51403, 51404, 51405, 51406, 51407, 51408, 51409, 51411, 51413, 51415),
    51416,
    # Amending.
    *(51500, 51501, 51502, 51503, 51505, 51506, 51507, 51508, 51509, 51510, 51511, 51512),
    *(51513, 51514, 51515, 51516, 51517, 51518, 51519, 51520, 51521, 51522, 51523, 51524),
    *(51525, 51526, 51527, 51528, 51529, 51530, 51531, 51532, 51536, 51537),
    *(51538, 51539, 51543),
    # Asking.
    *(51600, 51601, 51602, 51604, 51605, 51606, 51607, 51608, 51610, 51620, 51621, 51622),
    # Leverage, position mode, account.
    *(52000, 54000, 54001, 54004, 54005, 54006, 54007, 54008, 54009, 54011, 54012, 54018),
    *(54019, 54024, 54025, 54026, 54027, 54028, 54029, 54030, 54031, 54035, 54036),
    *range(54039, 54050),
    *(54070, 54071, 54072, 54073),
    *(59000, 59001, 59002, 59004, 59005, 59006),
    *range(59100, 59114),
    *(59125, 59128, 59132, 59133, 59200, 59201, 59300, 59301, 59401, 59402),
)
CODES: Final[dict[str, Verdict]] = {
    **{str(code): Verdict.REFUSED for code in _REFUSED_CODES},
    "50001": Verdict.CLOSED,  # service temporarily unavailable (503): the engine is not there
    "50004": Verdict.PERHAPS,  # time-out: "does not mean that the request was successful or failed"
    "50005": Verdict.CLOSED,  # API is offline
    "50011": Verdict.THROTTLED,  # rate limit of the endpoint
    "50013": Verdict.PERHAPS,  # systems are busy: does not say how far it got
    "50026": Verdict.PERHAPS,  # system error
    "50040": Verdict.THROTTLED,  # too frequent operations
    "50061": Verdict.THROTTLED,  # orders of the sub-account
    "50042": Verdict.PERHAPS,  # repeated request: what became of the first?
    # The id is taken: an order of ours may be there under it, so this is no refusal of that order.
    "50071": Verdict.PERHAPS,
    "51011": Verdict.PERHAPS,
    "51016": Verdict.PERHAPS,
    "51065": Verdict.PERHAPS,  # that of an algo order
    "51068": Verdict.PERHAPS,
    "51054": Verdict.PERHAPS,  # request timed out
    "51113": Verdict.THROTTLED,  # closing at market too often
    "51149": Verdict.PERHAPS,  # order timed out: the outcome is not known
    "51410": Verdict.PERHAPS,  # it is being canceled already
    # Two texts, one code: the cancel timed out, or the order has just been triggered.
    "51412": Verdict.PERHAPS,
    "51504": Verdict.PERHAPS,  # amend in progress or not: "unavailable for the moment"
    "51603": Verdict.NOT_FOUND,
}
STATUSES: Final[dict[int, Verdict]] = {
    403: Verdict.CLOSED,  # the network's gate, not the exchange
    429: Verdict.THROTTLED,
}
CLOCK_CODES: Final = frozenset({"50102", "50107", "50112"})
# What says that a price or size breaks the rules of its instrument; and where a code says other
# things too, the words that do.
RULE_CODES: Final[dict[str, tuple[str, ...]]] = {
    "51000": ("px", "sz"),  # parameter {0} error
    "51005": (),  # amount above the largest
    "51007": (),  # below one contract
    "51020": (),  # amount below the smallest
    "51100": (),  # the same
    "51118": (),  # the same, of all orders of a request
    "51120": (),  # quantity below the smallest
    "51121": (),  # no multiple of the lot
    "51122": (),  # price below the lowest
    NOT_OFFERED: ("whole number of lots",),  # our codec said so, before anything was sent
}
ABSENT: Final = frozenset({"51400", "51503", "51603"})  # perhaps because it is an algo order
_WAIT_NS: Final = 2 * NS_PER_S  # most limits are counted over two seconds; docs name no header
Refusal = RequestRefused | RequestFailed | OrderNotFound


def judge(status: int, code: str) -> Verdict:
    """What a code, with the status that it came with, says about the venue's side.

    docs: "51008_1000" is the code 51008 with the sub-code 1000.
    """
    main = code.partition("_")[0]
    if main in CODES:
        return CODES[main]
    return STATUSES.get(status, Verdict.PERHAPS)


def wait_ns(status: int, code: str) -> int:
    """How long to be quiet."""
    return _WAIT_NS if judge(status, code) is Verdict.THROTTLED else 0


def refusal(
    asked: Asked, status: int, code: str, words: str, name: ClientOrderId | None = None
) -> Refusal:
    """The evidence in an error; `name` of the order where one request is about several."""
    verdict = judge(status, code)
    if verdict is Verdict.NOT_FOUND and asked.request is Request.QUERY_ORDER:
        return evidence.no_such_order(asked, name)
    if verdict in (Verdict.REFUSED, Verdict.NOT_FOUND):
        return evidence.refused(asked, code, words, name)
    acting = asked.request.acting and verdict is Verdict.PERHAPS
    failed = asked.failed(
        Acted.PERHAPS if acting else Acted.NO,
        f"HTTP {status}, {code}: {words}" if code else f"HTTP {status}: {words}",
        retry_after_ns=wait_ns(status, code),
    )
    return failed if name is None else failed.model_copy(update={"client_order_id": name})
