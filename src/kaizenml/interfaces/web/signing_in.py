"""The routes by which people sign in and out with a browser.

The session's cookie is ``SameSite=Strict``: a browser sends it with nothing that began at another site. The provider's
answer comes from one, so it is answered by a page of ours that goes on by itself, in place of a redirect.
"""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import quote, urlsplit

from fastapi import Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from kaizenml.core.account import Permission
from kaizenml.errors import KaizenError, RefusedError
from kaizenml.interfaces.http.cookies import CALLBACK, SIGN_IN, SIGN_OUT, Cookies, cookie_in
from kaizenml.interfaces.http.problems import answer
from kaizenml.interfaces.http.routes import ANYWHERE, Routes
from kaizenml.interfaces.http.service import Service
from kaizenml.interfaces.web.html import Html, page, tag
from kaizenml.loop.signing_in import WAIT_SECONDS, SigningIn, leave

_LONGEST_NEXT = 2000
Text = Annotated[str, Query(max_length=4000)]


def add_signing_in(routes: Routes, service: Service, signing: SigningIn, cookies: Cookies) -> None:
    """Add the routes."""
    told = SignInRoutes(service, signing, cookies)
    routes.get(SIGN_IN, told.begin, permission=Permission.PUBLIC)
    routes.get(CALLBACK, told.finish, permission=Permission.PUBLIC)
    routes.get(SIGN_OUT, told.ask, permission=Permission.VIEW, of=ANYWHERE, include_in_schema=False)
    routes.post(SIGN_OUT, told.leave, permission=Permission.VIEW, of=ANYWHERE)


class SignInRoutes:
    """One method for each route."""

    def __init__(self, service: Service, signing: SigningIn, cookies: Cookies) -> None:
        self._service, self._signing, self._cookies = service, signing, cookies

    def begin(self, next: Text = "/") -> Response:  # noqa: A002  it is the query's word
        """Send the browser to the identity provider, to come back to a page of ours."""
        try:
            begun = self._signing.begin(own_page(next))
        except KaizenError as error:
            return _page("Signing in", error)
        response = RedirectResponse(begun.address, 303)
        self._set(response, self._cookies.signing, begun.secret, "lax", int(WAIT_SECONDS))
        return response

    def finish(
        self, request: Request, state: Text = "", code: Text = "", error: Text = "", iss: Text | None = None
    ) -> Response:
        """Take the browser back from the identity provider, and let somebody in for whom it vouches."""
        secret, old = (cookie_in(request.scope["headers"], name) for name in self._cookies)
        try:
            claims, next_ = self._signing.finish(secret, state=state, code=_given(code, error), issuer=iss)
            session = self._signing.enter(self._service.records, claims, self._service.now(), old=old)
        except KaizenError as refusal:
            response: Response = _page("Signing in", refusal)
        else:
            response = _going_on(next_)
            self._set(response, self._cookies.session, session, "strict", None)
        self._set(response, self._cookies.signing, "", "lax", 0)
        return response

    def ask(self) -> Response:
        """A page with the button that ends the session: an address alone, which others may link to, ends none."""
        form = tag("form", tag("button", "Sign out"), class_="leave", method="post", action=SIGN_OUT)
        return HTMLResponse(page("Sign out – KaizenML", tag("main", tag("section", form))))

    def leave(self, request: Request) -> Response:
        """End the browser's session."""
        secret = cookie_in(request.scope["headers"], self._cookies.session)
        if not secret:
            raise RefusedError("This is no session of a browser.", "A token ends with `kaizen token revoke`.")
        with self._service.records.writing() as books:
            leave(books, secret, self._service.now())
        is_page = "text/html" in request.headers.get("accept", "")
        response = _page("You are signed out", None) if is_page else answer({"done": "signed out"})
        self._set(response, self._cookies.session, "", "strict", 0)
        return response

    def _set(
        self, response: Response, name: str, value: str, site: Literal["lax", "strict"], seconds: int | None
    ) -> None:
        response.set_cookie(
            name, value, max_age=seconds, path="/", secure=self._cookies.is_secure, httponly=True, samesite=site
        )


def own_page(address: str) -> str:
    """Return a path of this server; the first page for what is none: nobody is sent to another site from here."""
    parts = urlsplit(address) if address.isascii() and address.isprintable() and "\\" not in address else None
    is_ours = parts is not None and not parts.scheme and not parts.netloc and address[:1] == "/" != address[1:2]
    return address if is_ours and len(address) <= _LONGEST_NEXT else "/"


def _given(code: str, error: str) -> str:
    if not code:
        said = "".join(sign for sign in error[:40] if sign.isalnum() or sign == "_")
        raise RefusedError(f"The identity provider let nobody in: {said or 'it sent no code'}.", "Begin again.")
    return code


def _going_on(to: str) -> Response:
    said = tag("p", "You are signed in. ", tag("a", "Go on", href=to))
    return HTMLResponse(page("Signed in – KaizenML", _refresh(to), tag("main", tag("section", said))))


def _refresh(to: str) -> Html:
    safe = quote(to, safe="/?&=%:@!$'()*+,~#[]-._")
    return Html(tag("meta", http_equiv="refresh", content=f"0; url={safe}").removesuffix("</meta>"))


def _page(title: str, error: KaizenError | None) -> Response:
    said = f"{error.message} {error.hint}" if error else f"{title}."
    told = tag("p", said, class_="wrong", role="alert") if error else tag("p", said)
    again = tag("p", tag("a", "Sign in", href=SIGN_IN))
    body = page(f"{title} – KaizenML", tag("main", tag("section", told, again)))
    return HTMLResponse(body, error.http_status if error else 200)
