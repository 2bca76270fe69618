"""What the browser is given: the vendored scripts are the ones that were looked at, and the first load stays small."""

import gzip
import hashlib
import json
import re

from ingest.pages.render import TEMPLATES
from ingest.pages.static_files import FOLDER

VENDORED = json.loads((FOLDER / "vendor" / "vendored.json").read_text())


def test_each_vendored_script_is_the_one_whose_hash_was_noted():
    assert 2 == len(VENDORED)
    for script in VENDORED:
        content = (FOLDER / "vendor" / script["file"]).read_bytes()
        assert script["sha256"] == hashlib.sha256(content).hexdigest(), script["file"]
        assert script["version"] in script["file"]
        assert (FOLDER / "vendor" / f"LICENSE.{script['package'].removesuffix('.org')}").exists()


def test_the_first_load_stays_below_60_kb_compressed():
    served = [path for path in FOLDER.rglob("*") if path.suffix in {".css", ".js", ".svg"}]
    page = 12_000  # a large page, compressed
    assert sum(len(gzip.compress(path.read_bytes(), 9)) for path in served) + page < 60_000


def test_no_template_holds_what_the_content_security_policy_forbids():
    forbidden = re.compile(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|javascript:|hx-on|hx-vals=['\"]js:|\|\s*safe")
    allowed = {"{{ _icons[name]|safe }}", "{{ attributes|safe }}"}  # our own literals, never a vendor's text
    for template in TEMPLATES.rglob("*.html"):
        text = template.read_text()
        for known in allowed:
            text = text.replace(known, "")
        assert not forbidden.findall(text), template.name
