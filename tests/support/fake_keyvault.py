#!/usr/bin/env python3
"""fake_keyvault.py DIR - an Azure Key Vault, a login endpoint and a machine's metadata service for tests.

Speaks as much of their REST as keepgres uses, over HTTPS with a certificate of its own CA (made with openssl in DIR), and
misbehaves on command. DIR afterwards has:

  ca.pem          the CA to trust
  env             VAULT_PORT=… WRONG_PORT=… (certificate of another host) IMDS_PORT=… (plain HTTP); written when it listens
  log             a line a request: "vault GET /secrets/x 200"; never a value
  next-vault, next-login, next-imds
                  lines that tell how the next requests are answered, one each, taken from the top:
                    429 N | 429 date N    Retry-After in seconds, or as a date so many seconds ahead
                    429 raw TEXT          Retry-After as it stands there
                    challenge             401 that names another place for tokens
                    STATUS [CODE]         any other status, with Azure's error.code
                    inner CODE            403 with error.innererror.code
                    truncated | huge | slow SECONDS | redirect | drop | garbage | array | deep
                    novalue | numbervalue | otherid | badid | evilnext | endless | life SECONDS | notoken | badtoken
                    ok                    as it should be
Secrets are set by PUT, or lie in DIR/secrets.json when it starts: {"NAME": [{"value", "enabled", "exp", "nbf"}, …oldest first]}.
It ends when its standard input does.
"""
import json, os, select, ssl, subprocess, sys, threading, time, uuid
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

DIR = sys.argv[1]
CLIENT_ID, TENANT = "11111111-2222-3333-4444-555555555555", "contoso.example"
lock = threading.Lock()
secrets, tokens = {}, {}
client_secret = open(os.path.join(DIR, "client-secret")).read().strip() if os.path.exists(os.path.join(DIR, "client-secret")) else "client-secret"


def path(name):
    return os.path.join(DIR, name)


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=DIR)


def make_certificates():
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "ca.key",
            "-out", "ca.pem", "-days", "2", "-subj", "/CN=Test CA")
    for name, names in ("right", "DNS:localhost,IP:127.0.0.1"), ("wrong", "DNS:elsewhere.example"):
        open(path(name + ".ext"), "w").write(f"subjectAltName={names}\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", name + ".key",
                "-out", name + ".csr", "-subj", "/CN=" + name)
        openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", name + ".pem", "-days", "2", "-extfile", name + ".ext")


def command(kind):
    """Takes the first line of next-KIND."""
    try:
        with open(path("next-" + kind)) as f:
            lines = f.read().split("\n")
    except OSError:
        return "ok"
    lines = [l for l in lines if l.strip()]
    if not lines:
        return "ok"
    with open(path("next-" + kind + ".new"), "w") as f:
        f.write("\n".join(lines[1:]) + "\n")
    os.replace(path("next-" + kind + ".new"), path("next-" + kind))
    return lines[0].strip()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        if self.server.context:
            self.request = self.server.context.wrap_socket(self.request, server_side=True)
        super().setup()

    def log_message(self, *args):
        pass

    def note(self, kind, what):
        with lock, open(path("log"), "a") as f:
            f.write(f"{kind} {self.command} {urlsplit(self.path).path} {what}\n")

    def send(self, kind, status, body, headers=()):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.note(kind, status)
        self.send_response(status)
        for k, v in headers:
            self.send_header(k, v)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def error(self, kind, status, code="", inner="", headers=()):
        error = {"code": code or "Error", "message": "do not quote: canary-of-the-message"}
        if inner:
            error["innererror"] = {"code": inner}
        self.send(kind, status, {"error": error} if kind == "vault" else {"error": code or "error"}, headers)

    def misbehave(self, kind, how):
        """True when the request has been answered in its own way."""
        word, _, rest = how.partition(" ")
        if word == "429":
            form, _, text = rest.partition(" ")
            after = formatdate(time.time() + int(text), usegmt=True) if form == "date" else text if form == "raw" else rest or "0"
            self.error(kind, 429, "Throttled", headers=[("Retry-After", after)])
        elif word == "challenge":
            elsewhere = f"https://localhost:{self.server.server_port}/stolen"
            self.error(kind, 401, "Unauthorized",
                       headers=[("WWW-Authenticate", f'Bearer authorization="{elsewhere}", resource="{elsewhere}"')])
        elif word.isdigit():
            self.error(kind, int(word), rest)
        elif word == "inner":
            self.error(kind, 403, "Forbidden", rest)
        elif word == "truncated":
            self.note(kind, how)
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"value":"trunc')
            self.close_connection = True
        elif word == "huge":
            self.send(kind, 200, b'{"value":"' + b"x" * (1 << 20) + b'"}')
        elif word == "redirect":
            self.send(kind, 302, b"", [("Location", f"https://localhost:{self.server.server_port}/stolen")])
        elif word == "drop":
            self.note(kind, how)
            self.close_connection = True
            self.connection.close()
        elif word == "garbage":
            self.send(kind, 200, b"<html>canary-of-the-message</html>")
        elif word == "array":
            self.send(kind, 200, b"[1,2,3]")
        elif word == "deep":
            self.send(kind, 200, b'{"value":' + b"[" * 100000 + b"]" * 100000 + b"}")
        else:
            return False
        return True

    # ---- tokens ----

    def token(self, how, kind):
        text = "token-canary-" + uuid.uuid4().hex
        with lock:
            tokens[text] = True
        body = {"token_type": "Bearer", "expires_in": 3600, "access_token": text}
        if kind == "imds":
            body["expires_in"] = "3600"
        if how.startswith("life"):
            body["expires_in"] = int(how.split()[1])
        if how == "notoken":
            del body["access_token"]
        if how == "badtoken":
            body["access_token"] = "a\r\nX-Evil: 1"
        self.send(kind, 200, body)

    def login(self, body):
        with lock:
            how = command("login")
        form = {k: v[0] for k, v in parse_qs(body.decode()).items()}
        if self.misbehave("login", how):
            return
        good = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": client_secret,
                "scope": "https://vault.azure.net/.default"}
        if form == good and urlsplit(self.path).path == f"/{TENANT}/oauth2/v2.0/token":
            self.token(how, "login")
        else:
            self.error("login", 401, "invalid_client")

    def imds(self):
        with lock:
            how = command("imds")
        q = parse_qs(urlsplit(self.path).query)
        if self.misbehave("imds", how):
            return
        if self.headers.get("Metadata") != "true" or q.get("resource") != ["https://vault.azure.net"]:
            return self.error("imds", 400, "invalid_request")
        self.token(how, "imds")

    # ---- secrets ----

    def base(self):
        return f"https://localhost:{self.server.server_port}/"

    def item(self, name, v, how="ok", with_version=True):
        version = "f" * 32 if how == "otherid" else v["version"]
        j = {"id": self.base() + f"secrets/{name}" + (f"/{version}" if with_version else ""),
             "attributes": {k: v[k] for k in ("enabled", "nbf", "exp", "created", "updated") if v.get(k) is not None}}
        if v.get("contentType"):
            j["contentType"] = v["contentType"]
        if how == "badid":
            j["id"] = self.base() + "secrets/../../etc"
        return j

    def listing(self, how, name):
        q = parse_qs(urlsplit(self.path).query)
        at = int(q.get("$skiptoken", ["0"])[0])
        if name is None:
            rows = [self.item(n, v[-1], how, False) for n, v in sorted(secrets.items())]
        else:
            rows = [self.item(name, v, how) for v in secrets.get(name, [])]
        page = {"value": rows[at:at + 2], "nextLink": None}
        if at + 2 < len(rows):
            base = self.base() + urlsplit(self.path).path[1:]
            page["nextLink"] = f"{base}?api-version=7.4&$skiptoken={at + 2}"
        if how == "evilnext":
            page["nextLink"] = self.base().replace("localhost", "127.0.0.1") + "stolen"
        if how == "endless":
            page["nextLink"] = self.base() + "secrets?api-version=7.4"
        for row in page["value"]:
            row.pop("value", None)
        self.send("vault", 200, page)

    def vault(self, body):
        url = urlsplit(self.path)
        parts = [p for p in url.path.split("/") if p]
        with lock:
            how = command("vault")
        if how.startswith("slow"):
            self.note("vault", how)
            if select.select([self.connection], [], [], float(how.split()[1]))[0]:
                self.close_connection = True    # who asked has hung up
                return
        if self.misbehave("vault", how):
            return
        bearer = self.headers.get("Authorization", "")
        with lock:
            known = bearer.startswith("Bearer ") and bearer[7:] in tokens
        if not known:
            return self.error("vault", 401, "Unauthorized", headers=[("WWW-Authenticate", "Bearer")])
        if parse_qs(url.query).get("api-version") != ["7.4"]:
            return self.error("vault", 400, "BadParameter")
        if not parts or parts[0] != "secrets":
            return self.error("vault", 404, "NotFound")
        name = parts[1].lower() if len(parts) > 1 else None
        if self.command == "GET" and (name is None or parts[2:] == ["versions"]):
            return self.listing(how, name)
        self.secret(how, name, parts[2] if len(parts) > 2 else None, json.loads(body or b"{}"))

    def secret(self, how, name, version, body):
        now = int(time.time())
        versions = secrets.get(name, [])
        if self.command == "PUT":
            v = {"value": body["value"], "version": uuid.uuid4().hex, "created": now + len(versions), "updated": now,
                 "enabled": True, "contentType": body.get("contentType"), **body.get("attributes", {})}
            secrets.setdefault(name, []).append(v)
            return self.send("vault", 200, {**self.item(name, v, how), "value": v["value"]})
        found = [v for v in versions if version in (None, v["version"])]
        if not found:
            return self.error("vault", 404, "SecretNotFound")
        v = found[-1]
        if self.command == "DELETE":
            del secrets[name]
            return self.send("vault", 200, self.item(name, v))
        if self.command == "PATCH":
            v.update(body.get("attributes", {}), contentType=body.get("contentType"), updated=now)
            return self.send("vault", 200, self.item(name, v))
        if not v["enabled"]:
            return self.error("vault", 403, "Forbidden", "SecretDisabled")
        answer = {**self.item(name, v, how), "value": v["value"]}
        if how == "novalue":
            del answer["value"]
        if how == "numbervalue":
            answer["value"] = 5
        self.send("vault", 200, answer)

    # ---- which of the three ----

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            if not self.server.context:
                self.imds()
            elif "/oauth2/" in self.path:
                self.login(body)
            else:
                self.vault(body)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.close_connection = True

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = serve


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, certificate):
        super().__init__(("127.0.0.1", 0), Handler)
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(path(certificate + ".pem"), path(certificate + ".key"))

    def handle_error(self, request, client_address):
        pass    # a client that does not trust us hangs up


def main():
    make_certificates()
    if os.path.exists(path("secrets.json")):
        for name, versions in json.load(open(path("secrets.json"))).items():
            secrets[name] = [{"version": uuid.uuid4().hex, "enabled": True, "created": 1700000000 + i, "updated": 1700000000 + i,
                              **v} for i, v in enumerate(versions)]
    servers = {"VAULT_PORT": Server("right"), "WRONG_PORT": Server("wrong"), "IMDS_PORT": Server(None)}
    for s in servers.values():
        threading.Thread(target=s.serve_forever, daemon=True).start()
    open(path("log"), "a").close()
    with open(path("env.new"), "w") as f:
        f.write("".join(f"{k}={s.server_port}\n" for k, s in servers.items()))
    os.replace(path("env.new"), path("env"))
    sys.stdin.read()


main()
