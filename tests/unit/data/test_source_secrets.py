"""A secret in a URL never leaves: not in an error, an event or what is printed."""

import traceback

import pytest

import kaizenml as kz
from kaizenml.core.source import checked_url
from kaizenml.data.redaction import expanded, shown, without_login
from kaizenml.errors import ProjectError, SourceError

SECRET = "s3cr/et@x"


def test_a_variable_is_filled_in_and_percent_encoded_within_a_login():
    url = expanded("postgresql://ada:${PASSWORD}@db/${NAME}", {"PASSWORD": SECRET, "NAME": "shop"})

    assert url.text == "postgresql://ada:s3cr%2Fet%40x@db/shop"


def test_a_whole_url_may_come_from_the_environment():
    assert expanded("${URL}", {"URL": "postgresql://a:b@h/d"}).text == "postgresql://a:b@h/d"


@pytest.mark.parametrize("said", [SECRET, "s3cr%2Fet%40x", f"no login as ada:{SECRET} at db", "x://ada:s3cr@h/"])
def test_what_is_told_holds_no_secret(said):
    url = expanded("postgresql://ada:${PASSWORD}@db/shop", {"PASSWORD": SECRET})

    assert "s3cr" not in url.hide(said)
    assert "s3cr" not in repr(url)


def test_a_password_within_a_whole_url_is_known_as_one():
    url = expanded("${URL}", {"URL": "postgresql://ada:hunter22@h/d?sslpassword=swordfish"})

    assert url.hide("password hunter22, swordfish") == "password …, …"


def test_a_variable_that_is_not_set_is_named():
    with pytest.raises(SourceError, match="PASSWORD"):
        expanded("postgresql://ada:${PASSWORD}@db", {})


@pytest.mark.parametrize(
    "url", ["postgresql://ada:hunter22@db/shop", "https://h/a.csv?sig=hunter22", "https://h/a?X-Amz-Signature=hunter22"]
)
def test_a_secret_in_the_code_is_refused_without_its_words(url):
    for declare in (lambda: kz.sql(url, table="t"), lambda: kz.files(url)):
        with pytest.raises(ProjectError) as refused:
            declare()
        assert "hunter22" not in "".join(traceback.format_exception(refused.value)).partition("Error: ")[2]
        assert "${NAME}" in refused.value.hint


@pytest.mark.parametrize("url", ["postgresql://ada:${P}@db", "s3://bucket/a.csv", "https://h/a.csv?${SAS}", "${URL}"])
def test_a_url_that_names_its_secret_is_taken(url):
    assert checked_url(url) == url


def test_what_is_shown_of_a_url_has_no_login_and_no_query():
    assert shown("https://ada:pw@h/a.csv?sig=x#y") == "https://…@h/a.csv?…"
    assert without_login("at postgresql://ada:pw@h/d!") == "at postgresql://…@h/d!"
