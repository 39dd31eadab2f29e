import Foundation
import HTTPServer
import HTTPWire
import Reactor
import TLS
import TestSupport
import Testing

/// Conversations with Python's ssl module, which is somebody else's use of the same protocol.
@Suite("TLS with Python", .serialized)
struct PeerTests {
    @Test("HTTPS requests and answers of a mebibyte, with resumption", arguments: kernels)
    func https(ground: Ground) throws {
        try onLoop(ground) { loop in
            var options = TLSServerOptions()
            options.applicationProtocols = ["http/1.1"]
            let pair = try Pair(server: options)
            var router = Router<Int>()
            router.onImmediate(.post, "/echo", bodyBytesMax: 1 << 21) { request, _, loop in
                HTTPResponse(headers: ["Content-Type": "a/b"], body: .bytes(request.body))
            }
            let server = HTTPServer(router: router, context: 0)
            let listener = try server.listen(on: .loopback(), options: pair.listening, loop)
            let output = try await python(
                """
                import http.client, os, ssl, sys
                context = ssl.create_default_context(cafile=sys.argv[1])
                context.set_alpn_protocols(["h2", "http/1.1"])
                body = os.urandom(1 << 20)
                connection = http.client.HTTPSConnection(
                    "localhost", int(sys.argv[2]), context=context)
                connection.connect()
                for size in [0, 1, 16383, 16384, 16385, 1 << 20]:
                    connection.request("POST", "/echo", body[:size])
                    answer = connection.getresponse()
                    assert answer.status == 200
                    assert answer.read() == body[:size], size
                print(connection.sock.version(), connection.sock.selected_alpn_protocol())
                session = connection.sock.session
                connection.close()
                import socket
                plain = socket.create_connection(("localhost", int(sys.argv[2])))
                again = context.wrap_socket(plain, server_hostname="localhost", session=session)
                again.sendall(b"POST /echo HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 2\\r\\n\\r\\nhi")
                data = b""
                while not data.endswith(b"hi"): data += again.recv(1000)
                print(again.session_reused)
                # The end of TLS, answered with the server's own.
                again.unwrap()
                print("unwrapped")
                """, pair, listener.localAddress, on: loop)
            #expect(output == "TLSv1.3 http/1.1\nTrue\nunwrapped\n")
            #expect(pair.server.statistics == TLSStatistics(completed: 2, resumed: 1))
            await server.drain(timeout: .seconds(5), on: loop)
        }
    }

    @Test("our client with a server in Python", arguments: kernels)
    func client(ground: Ground) throws {
        try onLoop(ground) { loop in
            let pair = try Pair()
            let issued = pair.authority.issue("DNS:localhost")
            pair.folder.write("server.pem", issued.chain + issued.key)
            let portFile = "\(pair.folder.path)/port"
            let script = """
                import os, socket, ssl, sys
                context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
                context.load_cert_chain(os.path.dirname(sys.argv[1]) + "/server.pem")
                listener = socket.create_server(("127.0.0.1", 0))
                with open(sys.argv[3] + ".new", "w") as file:
                    file.write(str(listener.getsockname()[1]))
                os.rename(sys.argv[3] + ".new", sys.argv[3])
                plain, _ = listener.accept()
                channel = context.wrap_socket(plain, server_side=True)
                data = b""
                while len(data) < 300000: data += channel.recv(100000)
                channel.sendall(data[::-1])
                channel.unwrap()
                print(channel.version() or "closed")
                """
            let server = loop.spawn {
                try? await python(
                    script, pair, .loopback(port: 1), extra: [portFile], on: loop)
            }
            var port: UInt16?
            while port == nil {
                await loop.sleep(for: .milliseconds(2))
                port = (try? String(contentsOfFile: portFile, encoding: .utf8)).flatMap(UInt16.init)
            }
            let recorder = Recorder()
            let channel = try await loop.connect(
                to: .loopback(port: port ?? 0), timeout: .seconds(10),
                security: pair.client.peer("localhost")
            ) { _ in recorder }
            let sent = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            channel.write(sent, on: loop)
            await recorder.wait(on: loop) { $0.reason != nil }
            #expect(recorder.bytes == sent.reversed())
            #expect(recorder.inputHasEnded)
            #expect(recorder.reason == .closedLocally)
            #expect(await server.value != nil)
        }
    }
}

struct ScriptFailure: Error {
    var output: String
}

/// Runs a script beside the loop with the authority's file and the port as arguments; returns what
/// it prints.
private func python(
    _ script: String, _ pair: Pair, _ address: SocketAddress, extra: [String] = [],
    on loop: isolated EventLoop
) async throws -> String {
    let file = pair.folder.write("trusted.pem", pair.authority.pem)
    let arguments = ["python3", "-c", script, file, "\(address.port ?? 0)"] + extra
    return try await loop.offload { () throws -> String in
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(
            decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw ScriptFailure(output: text) }
        return text
    }
}
