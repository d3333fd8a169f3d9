"""Each command's words: what they become, and what is refused."""

from __future__ import annotations

import datetime

import pytest
from thurn_wire.imap import command, limits
from thurn_wire.imap.command import FlagOperation
from thurn_wire.imap.fetch import (
    BODY,
    ENVELOPE,
    FLAGS,
    INTERNALDATE,
    RFC822_SIZE,
    UID,
    Attribute,
    BinarySection,
    BinarySize,
    BodySection,
    Partial,
    Rfc822,
)
from thurn_wire.imap.sequence import SAVED, SequenceSet

ONE = SequenceSet(((1, 1),))


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"select inbox", command.Select("INBOX")),
        (b'EXAMINE "in\\"box"', command.Select('in"box', read_only=True)),
        (b"SELECT x (CONDSTORE)", command.Select("x", condstore=True)),
        (b"SELECT NIL", command.Select("NIL")),
        (b"SELECT x ()", command.Select("x")),
        (b"CREATE x/", command.Create("x/")),
        (
            b"CREATE x (USE (\\drafts \\Sent \\x))",
            command.Create("x", {"USE": ("\\Drafts", "\\Sent", "\\x")}),
        ),
        (b"DELETE {3+}\r\na b", command.Delete("a b")),
        (b"RENAME a b", command.Rename("a", "b")),
        (b"SUBSCRIBE a]", command.Subscribe("a]")),
        (b"UNSUBSCRIBE a", command.Unsubscribe("a")),
        (b"NAMESPACE", command.Namespace()),
        (b"CHECK", command.Check()),
        (b"CLOSE", command.Close()),
        (b"UNSELECT", command.Unselect()),
        (b"EXPUNGE", command.Expunge()),
        (b"UID EXPUNGE 1", command.Expunge(ONE)),
        (b"ENABLE condstore x", command.Enable(("CONDSTORE", "X"))),
        (b"STATUS x (messages UNSEEN Size)", command.Status("x", ("MESSAGES", "UNSEEN", "SIZE"))),
        (b"STATUS x (SIZE SIZE)", command.Status("x", ("SIZE",))),
        (b'LIST "" *', command.List("", ("*",))),
        (b'LIST "" ""', command.List("", ("",))),
        (b'LIST "" (a% "b c")', command.List("", ("a%", "b c"), extended=True)),
        (
            b'LIST (SUBSCRIBED RECURSIVEMATCH) "" * RETURN (CHILDREN STATUS (MESSAGES))',
            command.List(
                "", ("*",), True, {"SUBSCRIBED": None, "RECURSIVEMATCH": None},
                {"CHILDREN": None, "STATUS": ("MESSAGES",)},
            ),
        ),
        (b'LIST () "" * RETURN ()', command.List("", ("*",), extended=True)),
        (b"LIST &AOk- &AOk-*]%", command.List("é", ("é*]%",))),
        (b'LSUB "#news." comp.%', command.Lsub("#news.", "comp.%")),
        (b"COPY 1 x", command.Copy(ONE, "x")),
        (b"UID COPY $ x", command.Copy(SAVED, "x", uid=True)),
        (b"MOVE 1 x", command.Move(ONE, "x")),
        (
            b"UID MOVE 5:*,*:3,7 x",
            command.Move(SequenceSet(((5, None), (None, 3), (7, 7))), "x", uid=True),
        ),
        (
            b"STORE 1 +flags.silent (\\seen \\SEEN Foo)",
            command.Store(ONE, FlagOperation.ADD, ("\\Seen", "Foo"), silent=True),
        ),
        (b"STORE 1 FLAGS ()", command.Store(ONE, FlagOperation.REPLACE, ())),
        (
            b"UID STORE 1 -FLAGS \\Deleted $Junk",
            command.Store(ONE, FlagOperation.REMOVE, ("\\Deleted", "$Junk"), uid=True),
        ),
        (
            b"STORE 1 (UNCHANGEDSINCE 0) FLAGS x",
            command.Store(ONE, FlagOperation.REPLACE, ("x",), unchanged_since=0),
        ),
    ],
    ids=str,
)  # fmt: skip
def test_command(parse, octets, expected):
    assert parse(octets) == expected


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (b"ALL", (FLAGS, INTERNALDATE, RFC822_SIZE, ENVELOPE)),
        (b"fast", (FLAGS, INTERNALDATE, RFC822_SIZE)),
        (b"FULL", (FLAGS, INTERNALDATE, RFC822_SIZE, ENVELOPE, BODY)),
        (b"FLAGS", (FLAGS,)),
        (b"(uid flags UID)", (UID, FLAGS)),
        (b"(BODY BODY[] BODY.PEEK[])", (BODY, BodySection(), BodySection(peek=True))),
        (b"BODYSTRUCTURE", (Attribute("BODYSTRUCTURE"),)),
        (b"BODY[1.2.3]", (BodySection((1, 2, 3)),)),
        (b"BODY[header]", (BodySection(text="HEADER"),)),
        (b"BODY[4.TEXT]<5.6>", (BodySection((4,), "TEXT", partial=Partial(5, 6)),)),
        (b"BODY[4.1.mime]", (BodySection((4, 1), "MIME"),)),
        (
            b'BODY.PEEK[HEADER.FIELDS (Date "X-Y" {4+}\r\nFrom)]<0.10>',
            (BodySection((), "HEADER.FIELDS", ("Date", "X-Y", "From"), Partial(0, 10), True),),
        ),
        (
            b"BODY[2.HEADER.FIELDS.NOT (Date)]",
            (BodySection((2,), "HEADER.FIELDS.NOT", ("Date",)),),
        ),
        (b"(RFC822 RFC822.TEXT RFC822.HEADER)", (Rfc822(), Rfc822("TEXT"), Rfc822("HEADER"))),
        (b"(BINARY[1] BINARY.SIZE[1.2])", (BinarySection((1,)), BinarySize((1, 2)))),
        (b"BINARY.PEEK[]<1.2>", (BinarySection((), Partial(1, 2), peek=True),)),
        (
            b"BODY[]<4294967296.9223372036854775807>",
            (BodySection(partial=Partial(4_294_967_296, 9_223_372_036_854_775_807)),),
        ),
    ],
    ids=str,
)
def test_fetch_items(parse, item, expected):
    assert parse(b"FETCH 1 " + item) == command.Fetch(ONE, expected)
    again = parse(b"UID FETCH 1 " + item + b" (CHANGEDSINCE 7)")
    assert again == command.Fetch(ONE, expected, uid=True, changed_since=7)


def test_same_list_is_the_same_tuple(parse):
    first = parse(b"FETCH 1 (UID BODY[1])")
    assert parse(b"UID FETCH 2:3 (UID BODY[1])").items is first.items


@pytest.mark.parametrize(
    ("item", "label"),
    [
        (
            BodySection((1, 2), "HEADER.FIELDS", ("Date", 'a"b')),
            b'BODY[1.2.HEADER.FIELDS (Date "a\\"b")]',
        ),
        (BodySection((1,), partial=Partial(5, 6), peek=True), b"BODY[1]<5>"),
        (Rfc822("TEXT"), b"RFC822.TEXT"),
        (Rfc822(), b"RFC822"),
        (BinarySection((1, 2), Partial(0, 1)), b"BINARY[1.2]<0>"),
        (BinarySize(()), b"BINARY.SIZE[]"),
    ],
    ids=str,
)  # fmt: skip
def test_label(item, label):
    assert item.label == label


@pytest.mark.parametrize(
    "octets",
    [
        b"FETCH 1 ()",
        b"FETCH 1 (FLAGS",
        b"FETCH 1 (FLAGS) x",
        b"FETCH 1 (FLAGS  UID)",
        b"FETCH 1 (ALL)",
        b"FETCH 1 FLAGS UID",
        b"FETCH 1 BODY[0]",
        b"FETCH 1 BODY[1.]",
        b"FETCH 1 BODY[.1]",
        b"FETCH 1 BODY[1..2]",
        b"FETCH 1 BODY[1.0]",
        b"FETCH 1 BODY[MIME]",
        b"FETCH 1 BODY[1.X]",
        b"FETCH 1 BODY[1MIME]",
        b"FETCH 1 BODY[HEADER.FIELDS ()]",
        b"FETCH 1 BODY[HEADER.FIELDS (a:b)]",
        b'FETCH 1 BODY[HEADER.FIELDS ("\x7f")]',
        b"FETCH 1 BODY[HEADER (a)]",
        b"FETCH 1 BODY[4294967296]",
        b"FETCH 1 BODY[" + b"9" * 20 + b"]",
        b"FETCH 1 BODY[" + b"1." * 999 + b"1]",
        b"FETCH 1 BODY[]<1>",
        b"FETCH 1 BODY[]<0.0>",
        b"FETCH 1 BODY[]<-1.5>",
        b"FETCH 1 BODY[]<0.9223372036854775808>",
        b"FETCH 1 BODY[]<18446744073709551616.1>",
        b"FETCH 1 BODY.PEEK",
        b"FETCH 1 (" + b"FLAGS " * 500 + b"UID)",
        b"FETCH 1 FLAGS (CHANGEDSINCE 1 CHANGEDSINCE 2)",
        b"FETCH 1 FLAGS (CHANGEDSINCE 9223372036854775808)",
        b"FETCH 1 FLAGS (VANISHED)",
        b"FETCH 0 FLAGS",
        b"FETCH 0:5 FLAGS",
        b"FETCH 4294967296 FLAGS",
        b"FETCH " + b"1" * 20 + b" FLAGS",
        b"FETCH 1:2:3 FLAGS",
        b"FETCH 1, FLAGS",
        b"FETCH ,1 FLAGS",
        b"FETCH : FLAGS",
        b"FETCH 1:  FLAGS",
        b"FETCH -1 FLAGS",
        b"FETCH ** FLAGS",
        b"STORE 1 FLAGS \\Recent",
        b"STORE 1 FLAGS (\\Recent)",
        b"STORE 1 FLAGS (\\Unknown)",
        b"STORE 1 FLAGS (a (b))",
        b"STORE 1 FLAGS",
        b"STORE 1 *FLAGS x",
        b"STORE 1 FLAGS.LOUD x",
        b'STORE 1 FLAGS ("x")',
        b"STORE 1 FLAGS (" + b"x" * 256 + b")",
        b"STORE 1 FLAGS (" + b" ".join(b"k%d" % n for n in range(1000)) + b")",
        b"STORE 1 FLAGS " + b" ".join(b"k%d" % n for n in range(1000)),
        b"STORE 1 FLAGS " + b"x" * 10_000,
        b"STORE 1 FLAGS k\xc3\xa9",
        b"SELECT",
        b"SELECT x y",
        b"SELECT x (()",
        b"SELECT x (FOO)",
        b"SELECT x (CONDSTORE CONDSTORE)",
        b"CREATE x (USE)",
        b"CREATE x (USE (Drafts))",
        b"STATUS x ()",
        b"STATUS x (FOO)",
        b"STATUS x MESSAGES",
        b"LIST *",
        b'LIST "" ()',
        b'LIST (RECURSIVEMATCH) "" *',
        b'LIST (RECURSIVEMATCH REMOTE) "" *',
        b'LIST (FOO) "" *',
        b'LIST "" * RETURN (FOO)',
        b'LIST "" * CHILDREN',
        b'LIST "" (' + b"x " * 200 + b"x)",
        b"ENABLE",
        b"ENABLE (x)",
        b"COPY 1 ",
        b"MOVE * \\x",
        b"UID EXPUNGE",
        b"UID EXPUNGE x",
        b"APPEND x ",
    ],
    ids=lambda octets: octets[:60],
)
def test_refused(parse, octets):
    answer = parse(octets)
    assert isinstance(answer, str)
    assert answer.startswith("t BAD ")
    assert answer.count("\r\n") == 1


@pytest.mark.parametrize("count", [limits.SEQUENCE_RANGES, limits.SEQUENCE_RANGES + 1])
def test_ranges_are_counted(parse, count):
    answer = parse(b"FETCH " + b",".join([b"*"] * count) + b" UID")
    assert isinstance(answer, str) == (count > limits.SEQUENCE_RANGES)


def test_a_set_that_fits_a_line_is_taken(parse):
    """What a client writes that means every second message of a large mailbox."""
    uids = range(2, 22_000, 2)
    octets = b"UID FETCH " + b",".join([b"%d" % uid for uid in uids]) + b" UID"
    assert len(octets) < limits.LINE_OCTETS
    command = parse(octets)
    assert command.sequence.resolve(30_000) == [(uid, uid) for uid in uids]


def test_remembered_lists_are_bounded(parse):
    first = parse(b"FETCH 1 (UID)").items
    for number in range(limits.REMEMBERED_LISTS + 1):
        parse(b"FETCH 1 (BODY[%d])" % (number + 1))
    again = parse(b"FETCH 1 (UID)").items
    assert again == first
    assert again is not first
    names = b" ".join([b"Name"] * 100)
    long = b"FETCH 1 (BODY[HEADER.FIELDS (" + names + b")])"
    assert parse(long).items is not parse(long).items


def test_errors_say_what_and_where(parse):
    assert (
        parse(b"FETCH 1 BOGUS") == "t BAD expected an item of FETCH that is known at octet 11\r\n"
    )
    assert parse(b"FETCH x FLAGS") == "t BAD expected a sequence set at octet 9\r\n"


def test_dates(run, make_selected):
    engine = make_selected()
    found = run(engine, b't APPEND x "29-Feb-2024 23:59:60 -0130" {1}\r\n')
    engine.accept()
    item = run(engine, b"")[0].item
    assert len(found) == 1
    zone = datetime.timezone(-datetime.timedelta(hours=1, minutes=30))
    assert item.received == datetime.datetime(2024, 2, 29, 23, 59, 59, tzinfo=zone)


@pytest.mark.parametrize(
    "written",
    [
        b'"31-Feb-1994 21:52:25 -0800"',
        b'"1-Feb-1994 21:52:25 -0800"',
        b'"01-Foo-1994 21:52:25 -0800"',
        b'"01-Feb-0000 21:52:25 -0800"',
        b'"01-Feb-1994 24:52:25 -0800"',
        b'"01-Feb-1994 21:52:25 -2400"',
        b'"01-Feb-1994 21:52:25"',
        b"01-Feb-1994",
    ],
)
def test_dates_that_are_none(parse, written):
    assert parse(b"APPEND x " + written + b" {1}").startswith("t BAD expected ")
