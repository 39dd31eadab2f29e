"""A TLS server for tests: prints its port, and ends with its standard input.

Arguments: folder of certificates; http, smtp or smtps; then any of client (asks for a certificate),
tls1.1, tls1.2 (the greatest version), plain (smtp without STARTTLS).
"""
import base64
import os
import socket
import ssl
import sys
import threading

folder, mode, flags = sys.argv[1], sys.argv[2], sys.argv[3:]
seen = threading.local()


def name(connection, server_name, context):
    seen.name = server_name


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(os.path.join(folder, "server.pem"), os.path.join(folder, "server.key"))
context.sni_callback = name
if "client" in flags:
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(os.path.join(folder, "ca.pem"))
if "tls1.1" in flags:
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
if "tls1.2" in flags:
    context.maximum_version = ssl.TLSVersion.TLSv1_2


def describe(connection):
    subject = dict(field[0] for field in (connection.getpeercert() or {}).get("subject", ()))
    return "sni=%s version=%s resumed=%s client=%s" % (
        seen.name, connection.version(), connection.session_reused,
        subject.get("commonName", "-"))


def http(connection):
    connection = context.wrap_socket(connection, server_side=True)
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(65536)
        if not piece:
            return
        head += piece
    host = [line for line in head.decode().split("\r\n") if line.lower().startswith("host:")]
    body = "%s host=%s" % (describe(connection), host[0][6:])
    connection.sendall(
        ("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
         % (len(body), body)).encode())
    connection.unwrap()


def smtp(connection):
    secure, auth, size = mode == "smtps", "-", 0
    if secure:
        connection = context.wrap_socket(connection, server_side=True)
    file = connection.makefile("rwb", buffering=0)

    def say(text):
        file.write((text + "\r\n").encode())

    say("220 here")
    while True:
        line = file.readline().decode().strip()
        word = line.upper().split(" ")[0]
        if not line:
            return
        if word == "EHLO":
            say("250-here")
            if not secure and "plain" not in flags:
                say("250-STARTTLS")
            say("250 AUTH PLAIN")
        elif word == "STARTTLS":
            say("220 go")
            connection = context.wrap_socket(connection, server_side=True)
            file, secure = connection.makefile("rwb", buffering=0), True
        elif word == "AUTH":
            words = line.split(" ")
            if len(words) < 3:
                say("334 ")
                words.append(file.readline().decode().strip())
            auth = base64.b64decode(words[2]).decode().replace("\0", "/")
            say("235 fine" if auth.endswith("/secret") else "535 wrong password")
        elif word == "DATA":
            say("354 go")
            while True:
                line = file.readline()
                if line == b".\r\n":
                    break
                size += len(line)
            say("250 taken secure=%s auth=%s bytes=%d" % (secure, auth, size))
        elif word == "QUIT":
            say("221 bye")
            return
        else:
            say("250 fine")


def serve(connection):
    seen.name = None
    try:
        (http if mode == "http" else smtp)(connection)
    except (OSError, ValueError):
        pass
    finally:
        connection.close()


def accept(listener):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


listener = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=accept, args=(listener,), daemon=True).start()
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
