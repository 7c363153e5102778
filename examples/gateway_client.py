#!/usr/bin/env python3
"""A client of POST /api/gateway in both dialects: Python 3.8+ and the openssl command line, nothing from pip.

As a program:

    python3 gateway_client.py --app-id APP_ID --key private-key.pem API_CODE '{"flowId":"…"}'

As a module:

    gateway = Gateway("http://127.0.0.1:8686", "APP_ID", "private-key.pem")
    data = gateway.call("esign.signflows.query", {"flowId": flow_id})
"""

import argparse
import base64
import json
import secrets
import string
import subprocess
import sys
import time
import urllib.error
import urllib.request

DIGESTS = {"RSA2": "-sha256", "RSA": "-sha1"}  # SHA256withRSA, SHA1withRSA
NONCE_CHARACTERS = string.ascii_letters + string.digits


class GatewayError(Exception):
    """An answer whose code is not 000. `answer` is the whole of it."""

    def __init__(self, code, msg, answer):
        super().__init__(f"{code} {msg}")
        self.code, self.msg, self.answer = code, msg, answer


def signed_text(fields):
    """k=v joined by &, keys in the order of their UTF-8 bytes, nothing escaped."""
    ordered = sorted(fields.items(), key=lambda item: item[0].encode("utf-8"))
    return "&".join(f"{key}={value}" for key, value in ordered)


def scalars(params):
    """What the older dialect signs of params: not objects, not arrays, not null. Numbers and booleans as JSON has them."""
    return {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in params.items()
        if value is not None and not isinstance(value, (dict, list, tuple))
    }


class Gateway:
    def __init__(self, url, app_id, key_file, sign_type="RSA2", show=False):
        self.url, self.app_id, self.key_file = url.rstrip("/"), app_id, key_file
        self.sign_type, self.show = sign_type, show

    def sign(self, text):
        if self.show:
            print(f"signed: {text}", file=sys.stderr)
        command = ["openssl", "dgst", DIGESTS[self.sign_type], "-sign", self.key_file]
        done = subprocess.run(command, input=text.encode("utf-8"), stdout=subprocess.PIPE, check=True)
        return base64.b64encode(done.stdout).decode("ascii")

    def call(self, api_code, params=None):
        """The newer dialect: request_content is a string that holds JSON. Answers `data`."""
        fields = self._head("app_id", "api_code", api_code)
        if params is not None:
            fields["request_content"] = json.dumps(params, ensure_ascii=False)
        body = {**fields, "sign": self.sign(signed_text(fields)), "sign_type": self.sign_type}
        return self._post(body, "code", "msg")

    def call_older(self, api_code, params=None):
        """The older dialect: params is an object, of which the scalars are signed. Answers `data`."""
        fields = self._head("appId", "apiCode", api_code)
        sign = self.sign(signed_text({**scalars(params or {}), **fields}))
        body = {**fields, "sign": sign, "signType": self.sign_type}
        if params is not None:
            body["params"] = params
        return self._post(body, "responseCode", "responseMsg")

    def _head(self, app_id_name, api_code_name, api_code):
        nonce = "".join(secrets.choice(NONCE_CHARACTERS) for _ in range(6))
        timestamp = str(int(time.time() * 1000))
        return {app_id_name: self.app_id, api_code_name: api_code, "nonce": nonce, "timestamp": timestamp}

    def _post(self, body, code_name, msg_name):
        text = json.dumps(body, ensure_ascii=False)
        if self.show:
            print(f"sent:   {text}", file=sys.stderr)
        headers = {"Content-Type": "application/json; charset=utf-8"}
        request = urllib.request.Request(self.url + "/api/gateway", text.encode("utf-8"), headers)
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.load(response)
        if answer[code_name] != "000":
            raise GatewayError(answer[code_name], answer[msg_name], answer)
        return answer["data"]


def read_params(text):
    if text is None:
        return None
    if text == "-":
        text = sys.stdin.read()
    elif text.startswith("@"):
        with open(text[1:], encoding="utf-8") as file:
            text = file.read()
    params = json.loads(text)
    if not isinstance(params, dict):
        raise ValueError("the parameters are a JSON object")
    return params


def main():
    parser = argparse.ArgumentParser(description="Signs one call of the gateway, sends it and prints `data`.")
    parser.add_argument("api_code", help="such as partner.org.create")
    parser.add_argument("params", nargs="?", help="parameters: JSON, @FILE, or - for standard input")
    parser.add_argument("--url", default="http://127.0.0.1:8686", help="the service (default: %(default)s)")
    parser.add_argument("--app-id", required=True, help="16 upper-case letters and digits")
    parser.add_argument("--key", required=True, help="the application's RSA private key, PEM")
    parser.add_argument("--older", action="store_true", help="the older dialect: appId, apiCode, params")
    parser.add_argument("--sign-type", choices=sorted(DIGESTS), default="RSA2", help="RSA is SHA1withRSA (default: RSA2)")
    parser.add_argument("--show", action="store_true", help="print what is signed and sent")
    options = parser.parse_args()

    gateway = Gateway(options.url, options.app_id, options.key, options.sign_type, options.show)
    call = gateway.call_older if options.older else gateway.call
    try:
        data = call(options.api_code, read_params(options.params))
    except GatewayError as error:
        print(json.dumps(error.answer, ensure_ascii=False), file=sys.stderr)
        return 1
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        print(f"{options.api_code}: {error}", file=sys.stderr)
        return 2
    print(json.dumps(data, ensure_ascii=False, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
