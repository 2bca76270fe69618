"""Files that say nowhere in which encoding they are: Windows-1252 if they can be, else in doubt; never for keys."""

import io
import time

import pytest

from ingest.feeds.mapping import FormatSettings
from ingest.pull.parse import parse
from ingest.pull.parse.windows_1252 import Windows1252

WORDS = {
    "German": "Damenmöbel Größe für Ersatzräder MÜLLBEUTEL Straßenbahn schwarz/weiß Öl Übergröße 5m² 12µF ±5°C „Wort“",
    "French": "Écran créée naïve où à côté cœur Noël élève «guillemets» déjà-vu CRÉÉE DÉJÀ Œuvre n°12 L'HAŸ-LES-ROSES",
    "Spanish": "Niño camión ¿qué? ¡olé! pingüino Nº 1ª Año ESPAÑA ÑANDÚ",
    "Portuguese": "Não ação coração pão AÇÃO avó",
    "Danish": "Rødgrød på øen Ærø ÅÆØ å ø blåbær",
    "Finnish": "Hääyöaie ääni MÄÄRÄ pöytä",
    "Estonian": "jäääär õunapuu täna öö",
    "Icelandic": "Þórður þetta sér maður fjölskylda ÞAÐ",
    "Italian": "Città perché più così È",
    "English": "café 5”pipe “quote” don\u2019t em—dash ™ ® £5 ½” 12mmØ W/m²K Nm³/h",
    "Polish": "Łódź Biały żółty ćma święta gęś różowy część zamienna łańcuch",
    "Czech": "červená řepa zelené jablko šířka příliš žluťoučký kůň",
    "Hungarian": "árvíztűrő tükörfúrógép gyűrű bőr",
    "Turkish": "kaş\u0131k gömlek şişe yağ çanta güneş",
    "Lithuanian": "žalias ąžuolas ėjo šuo čia",
    "Russian": "Красная куртка размер",
    "Greek": "Κόκκινο παντελόνι",
    "Hebrew": "חולצה אדומה",
    "Arabic": "قميص أحمر",
    "Thai": "เสื้อสีแดง",
    "Japanese": "赤いシャツ テスト 商品 ケーブル",
    "Chinese": "红色 衬衫 红",
    "Korean": "빨간 셔츠",
}
OF_WINDOWS_1252 = list(WORDS)[:10]
OTHERS = [
    *(("mac-roman", name) for name in ("German", "French", "Spanish", "Portuguese", "Danish", "Italian")),
    *(("cp850", name) for name in ("German", "French", "Spanish", "Portuguese", "Danish", "Italian")),
    *((family, name) for family in ("cp1250", "iso8859-2") for name in ("Polish", "Czech", "Hungarian")),
    *((encoding, "Russian") for encoding in ("cp1251", "koi8-r", "iso8859-5", "cp866")),
    *(("cp1254", "Turkish"), ("cp1257", "Lithuanian"), ("cp1253", "Greek"), ("cp1255", "Hebrew"), ("cp1256", "Arabic")),
    *(
        ("cp874", "Thai"),
        ("shift_jis", "Japanese"),
        ("euc_jp", "Japanese"),
        ("gb18030", "Chinese"),
        ("euc_kr", "Korean"),
    ),
]


def table(words, encoding):
    rows = "".join(f"A{n},{n},{word}\n" for n, word in enumerate(words.split()))
    return ("externalId,inventoryQuantity,name\n" + rows).encode(encoding, "replace")


def read(data, charset=None, resource_type="ftpCsv", **settings):
    form = FormatSettings.model_validate({"resourceType": resource_type, **settings})
    parsing = parse(io.BytesIO(data), form, charset=charset)
    chunks = list(parsing)
    items = [item for chunk in chunks for item in chunk.items]
    return items, [reject for chunk in chunks for reject in chunk.rejects], parsing.report


@pytest.mark.parametrize("language", OF_WINDOWS_1252)
def test_what_can_be_windows_1252_is_read_as_such(language):
    words = WORDS[language]
    items, rejects, report = read(table(words, "cp1252"))

    assert (words.split(), []) == ([item["name"] for item in items], rejects)
    assert ("cp1252", True, True) == (report.encoding, report.encoding_guessed, report.complete)


@pytest.mark.parametrize(("encoding", "language"), OTHERS)
def test_what_makes_no_words_in_windows_1252_is_held_and_the_setting_named(encoding, language):
    data = table(WORDS[language], encoding)
    _, _, report = read(data)
    items, rejects, told = read(data, encoding=encoding)

    assert (False, "encoding") == (report.complete, report.doubt)
    assert "the encoding cannot be told" in report.reason
    assert "set the feed's encoding" in report.reason
    assert ([], True) == (rejects, told.complete)
    assert table(WORDS[language], encoding).decode(encoding).splitlines()[1].split(",")[2] == items[0]["name"]


def test_a_server_that_calls_everything_latin_1_makes_it_no_truer():
    _, _, report = read(table(WORDS["Russian"], "cp1251"), charset="iso-8859-1")

    assert "encoding" == report.doubt


OTHER_ALPHABETS = ("cp1251", "koi8-r", "iso8859-5", "cp866", "cp1253", "cp1255", "cp1256")


@pytest.mark.parametrize("declared", OTHER_ALPHABETS)
@pytest.mark.parametrize("language", ["German", "French", "Portuguese", "Danish", "Polish", "Czech"])
def test_an_alphabet_that_was_declared_and_makes_no_words_holds_the_file(declared, language):
    family = "cp1250" if language in ("Polish", "Czech") else "cp1252"
    _, _, report = read(table(WORDS[language], family), charset=declared)
    _, _, given = read(table(WORDS[language], family), encoding=declared)

    assert (False, "encoding", True) == (report.complete, report.doubt, given.complete)
    assert f"said to be {declared}" in report.reason


@pytest.mark.parametrize(
    ("encoding", "language"),
    [("cp1251", "Russian"), ("koi8-r", "Russian"), ("cp1253", "Greek"), ("cp1255", "Hebrew"), ("cp1256", "Arabic")],
)
def test_an_alphabet_that_was_declared_and_makes_words_is_read(encoding, language):
    words = f"{WORDS[language]} USB Samsung-{WORDS[language].split()[0]}"
    items, rejects, report = read(table(words, encoding), charset=encoding)

    assert (words.split(), [], True) == ([item["name"] for item in items], rejects, report.complete)


@pytest.mark.parametrize("resource_type", ["ftpCsv", "xml", "api"])
@pytest.mark.parametrize("transforms", [[], ["upper"]])
def test_a_key_whose_letters_nobody_has_told_is_refused_and_the_setting_named(resource_type, transforms):
    files = {
        "ftpCsv": "sku,qty,name\nTÜR-1,1,Tür\nB-2,2,Möbel\n",
        "xml": "<r><p><sku>TÜR-1</sku><qty>1</qty></p><p><sku>B-2</sku><qty>2</qty><name>Möbel</name></p></r>",
        "api": '[{"sku": "TÜR-1", "qty": 1}, {"sku": "B-2", "qty": 2, "name": "Möbel"}]',
    }
    mapping = {"externalId": {"path": "sku", "transforms": transforms}, "inventoryQuantity": "qty", "name": "name"}
    settings = {"resource_type": resource_type, "mapping": mapping}
    if resource_type == "xml":
        settings["itemPath"] = "/r/p"
    data = files[resource_type].encode("cp1252")
    items, (reject,), _ = read(data, **settings)
    told, none, _ = read(data, encoding="windows-1252", **settings)

    assert [{"externalId": "B-2", "inventoryQuantity": 2, "name": "Möbel"}] == items
    assert (None, "externalId", "encoding") == (reject.external_id, reject.field, reject.code)
    assert "set the feed's encoding" in reject.message
    assert (["TÜR-1", "B-2"], []) == ([item["externalId"] for item in told], none)


def test_a_sku_or_barcode_whose_letters_nobody_has_told_is_left_out():
    data = "externalId,vendorSku,inventoryQuantity\nA,Ü1,1\n".encode("cp1252")
    (item,), (reject,), _ = read(data)

    assert {"externalId": "A", "inventoryQuantity": 1} == item
    assert ("vendorSku", "encoding", True) == (reject.field, reject.code, reject.skipped)


@pytest.mark.parametrize("charset", ["windows-1252", "iso-8859-1"])
def test_a_key_in_an_encoding_that_was_declared_is_taken(charset):
    items, rejects, _ = read("externalId,inventoryQuantity\nTÜR,1\n".encode("cp1252"), charset=charset)

    assert (["TÜR"], []) == ([item["externalId"] for item in items], rejects)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    ("resource_type", "text", "settings"),
    [
        ("ftpCsv", "externalId,inventoryQuantity,name\n" + 3 * f"1,2,{'红色的棉质衬衫' * 30}\n", {}),
        ("xml", f"<r><p><externalId>1</externalId><name>{'红色的棉质衬衫' * 30}</name></p></r>", {"itemPath": "/r/p"}),
        ("api", f'[{{"externalId": "1", "name": "{"红色的棉质衬衫" * 30}"}}]', {}),
    ],
)
def test_wide_encodings_without_a_mark_are_read_though_little_is_ascii(encoding, resource_type, text, settings):
    items, rejects, report = read(text.encode(encoding), resource_type=resource_type, **settings)

    assert ([], encoding, True) == (rejects, report.encoding, report.complete)
    assert ("1", "红色的棉质衬衫" * 30) == (items[0]["externalId"], items[0]["name"])


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251"])
def test_zero_bytes_by_chance_make_no_wide_encoding(encoding):
    text = "externalId,name\n" + "".join(f"{n},Куртка {n}\0\n" for n in range(40))
    _, rejects, report = read(text.encode(encoding), encoding=encoding)

    assert encoding == report.encoding
    assert 40 == len(rejects)


@pytest.mark.parametrize("data", [b"\xe9" * 40_000, b"\xe9a" * 20_000, b"a\xb3" * 20_000, b"a,\xe9\xe9" * 10_000])
def test_looking_for_words_costs_linear_time(data):
    def seconds(data):
        begun = time.process_time()
        Windows1252().add(data)
        return time.process_time() - begun

    once = min(seconds(data) for _ in range(3))

    assert min(seconds(4 * data) for _ in range(3)) < 12 * once + 0.05
