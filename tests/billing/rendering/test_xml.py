"""Whatever text there is, the XML is well-formed and says just that text."""

import re
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from services.billing.rendering.xml import NOTHING, attributed, document, element, text

NAMESPACE = 'xmlns:a="urn:a"'
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
ANY_TEXT = st.text(st.characters())


def parsed(*content):
    return ElementTree.fromstring(document("root", NAMESPACE, *content))


@given(ANY_TEXT)
def test_any_text_is_read_again_but_for_characters_that_xml_forbids(value):
    assert (parsed(text("a:x", value)).findtext("{urn:a}x") or "") == FORBIDDEN.sub("", value)


@given(ANY_TEXT, ANY_TEXT)
def test_any_attribute_is_read_again_but_for_characters_that_xml_forbids(value, code):
    (x,) = parsed(attributed("a:x", f"v{value}", "code", f"c{code}"))
    assert x.text == FORBIDDEN.sub("", f"v{value}")
    assert x.get("code") == FORBIDDEN.sub("", f"c{code}")


def test_text_is_never_markup():
    (x,) = parsed(text("a:x", '</a:x><a:y b="1">&amp;]]>'))
    assert x.text == '</a:x><a:y b="1">&amp;]]>'


def test_what_says_nothing_is_not_written():
    assert text("x", None) == text("x", "") == text("x", "\x00\ud800") == NOTHING
    assert element("x", text("y", None), element("z")) == NOTHING
    assert attributed("x", None, "code", "c") == attributed("x", "\x01", "code", "c") == NOTHING
    assert attributed("x", "v", "code", None) == "<x>v</x>"
