"""XML documents that tell beside their items that something went wrong, or that more of them follow."""

import pytest

from ingest.pull.fetch.told import Told
from tests.unit.pull.parse.xml_reading import file_of, product, read


@pytest.mark.parametrize(
    ("told", "complete"),
    [
        ("<error>timeout</error>", False),
        ("<Errors><e>database gone</e></Errors>", False),
        ("<x:FAULT xmlns:x='urn:x'>5</x:FAULT>", False),
        ("<error code='5'/>", False),
        ("<errors/><error code='0'> </error><error> none </error>", True),
        ("<error code='0'>database gone</error>", False),
        ("<errors count='3'/>", False),
        ("<error><code>0</code><message>OK</message><time>08:00</time></error><fault code='0'>Success</fault>", True),
        ("<info><error>x</error></info>", True),
        ("<product><sku>C</sku><qty>1</qty><error>x</error></product>", True),
    ],
)
@pytest.mark.parametrize("before", [1, 3_000])
def test_an_error_beside_the_items_puts_the_file_in_doubt(told, complete, before):
    items, rejects, report = read(file_of(product("A") * before, told, product("B")))

    assert (before + 1 + ("C" in told), [], complete) == (len(items), rejects, report.complete)
    assert complete or "tells of an error" in report.reason


@pytest.mark.parametrize(
    ("root", "complete"),
    [("status='error'", False), ("success='false'", False), ("status='ok' code='7' error='' success='true'", True)],
)
def test_a_root_that_says_that_the_answer_failed_puts_the_file_in_doubt(root, complete):
    items, _, report = read(file_of(product("A")).replace(b"<products", f"<products {root}".encode(), 1))

    assert (1, complete) == (len(items), report.complete)


@pytest.mark.parametrize(
    ("beside", "says"),
    [
        ("<status>error</status>", "status, beside the items, tells of an error"),
        ("<success>false</success>", "success, beside"),
        ("<response><errorCode>5</errorCode></response>", "response.errorCode, beside"),
        ("<hasMore>true</hasMore>", "more follow"),
        ("<isLast>False</isLast>", "more follow"),
        ("<o:totalResults xmlns:o='urn:o'>9</o:totalResults>", "tells of 9 items in all, and 1 came"),
        ("<paging page='1' total_pages='3'/>", "tells of 3 pages"),
        ("<paging><limit>1</limit><total>3</total></paging>", "tells of 3 items"),
        ("<nextPage>/2</nextPage>", "names a next page (nextPage)"),
        ("<pages>120</pages><total>120</total><status>ok</status><success>true</success><last>true</last>", None),
    ],
)
@pytest.mark.parametrize("behind", [False, True])
def test_what_stands_beside_the_items_tells_of_errors_and_further_pages(beside, says, behind):
    parts = [product("A"), beside] if behind else [beside, product("A")]
    items, _, report = read(file_of(*parts))
    lacking = report.reason or Told.of(report.page_fields, {}).lacks_pages(len(items))

    assert (1, says is None) == (len(items), lacking is None)
    assert says is None or says in lacking


def test_what_items_hold_says_nothing_of_the_document():
    inside = "</name><status>error</status><hasMore>true</hasMore><totalCount>9</totalCount><name>"
    report = read(file_of(*(product(f"A{number}", f"x{inside}y") for number in range(2_000))))[2]

    assert (True, {}) == (report.complete, report.page_fields)


def test_a_fault_around_the_parent_of_items_puts_the_file_in_doubt():
    fault = "<s:Fault><faultstring>boom</faultstring></s:Fault>"
    soap = f"<s:Envelope xmlns:s='urn:s'><s:Body><r>{{}}</r>{fault}</s:Body></s:Envelope>"
    more = {"itemPath": "/s:Envelope/s:Body/r/product", "namespaces": {"s": "urn:s"}}

    assert not read(soap.format(product("A")).encode(), **more)[2].complete


@pytest.mark.parametrize("path", ["/rss/channel/product", "//product"])
def test_an_error_deeper_in_the_document_counts_where_it_stands_beside_items(path):
    error = "<error>no stock</error>"
    item = product("A").replace("</product>", f"{error}</product>")

    for told in (error, ""):
        _, _, report = read(f"<rss><channel>{item}{told}</channel></rss>".encode(), itemPath=path)
        assert report.complete == (not told or path == "//product")


@pytest.mark.parametrize(
    ("link", "complete"),
    [
        ("<atom:link xmlns:atom='urn:a' href='/2' rel='next'/>", False),
        ('<link\n rel = "next" href="/2"/>', False),
        ("<link rel='self' href='/next'/><next>/2</next><link>https://h/</link>", True),
    ],
)
def test_a_document_that_names_a_next_page_is_not_all_there_is(link, complete):
    _, rejects, report = read(file_of(link, product("A")))

    assert ([], complete) == (rejects, report.complete)
    assert complete or "names a next page" in report.reason
