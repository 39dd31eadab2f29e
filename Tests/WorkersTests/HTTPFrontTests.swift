import Bytes
import Configuration
import Foundation
import HTTPServer
import HTTPWire
import Observability
import Reactor
import Synchronization
import Testing

@testable import Workers

@Suite("HTTP listeners of a process")
struct HTTPFrontTests {
    /// What the server sent until it closed.
    private final class Reader: ChannelHandler {
        var input: [UInt8] = []
        private var waiter: UnsafeContinuation<Void, Never>?
        private var hasEnded = false

        func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
            input += bytes.array
        }

        func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
            hasEnded = true
            waiter?.resume()
        }

        func end(on loop: isolated EventLoop) async {
            if !hasEnded { await withUnsafeContinuation(isolation: loop) { waiter = $0 } }
        }
    }

    @Test("compress, x_forwarded, metrics and the access log do what the file says")
    func wiring() throws {
        let folder = "/tmp/beamline-front-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let logs = try LogSystem(.file("\(folder)/log"))
        let outcome = Mutex<Result<[String], any Error>?>(nil)
        let loop = try EventLoop()
        loop.submit { loop in
            loop.schedule(after: .seconds(60)) { loop.stop() }
            do {
                let answers = try await Self.answers(folder, logs, on: loop)
                outcome.withLock { $0 = .success(answers) }
            } catch {
                outcome.withLock { $0 = .failure(error) }
            }
            loop.stop()
        }
        loop.run()
        let answers = try #require(outcome.withLock { $0 }, "the test hung").get()
        #expect(answers[0].contains("Content-Encoding: gzip") && answers[0].contains("Vary: "))
        #expect(!answers[1].contains("Content-Encoding") && !answers[1].contains("Vary: "))
        #expect(
            answers[2].contains(
                "synapse_http_server_response_count"
                    + "{method=\"GET\",servlet=\"big\",code=\"200\"} 1"), "\(answers[2])")
        #expect(answers[2].contains("{method=\"other\",servlet=\"unmatched\",code=\"404\"} 1"))
        #expect(answers[2].contains("{method=\"?\",servlet=\"unmatched\",code=\"400\"} 1"))
        logs.flush()
        let log = try String(contentsOfFile: "\(folder)/log", encoding: .utf8)
        #expect(log.contains("203.0.113.9 GET /big 200 "), "\(log)")
    }

    private static func answers(
        _ folder: String, _ logs: LogSystem, on loop: isolated EventLoop
    ) async throws -> [String] {
        let path = "\(folder)/http.sock"
        let listener = ListenerConfiguration(
            kind: .http, addresses: [.unix(path: path, mode: nil)], tag: "t", isBehindProxy: true,
            resources: [
                .init(names: [.client], compress: true), .init(names: [.media, .metrics]),
            ])
        var configuration = BeamlineConfiguration(
            server: ServerConfiguration(name: "x"), database: DatabaseConfiguration(poolMin: 0))
        configuration.listeners = [listener]
        let environment = ProcessEnvironment(
            configuration, logs, logs.logger("beamline.test"), on: loop)
        let front = HTTPFront<Void>(environment, HTTPRequestMetrics(environment.metrics))
        let text = Array(String(repeating: "{\"a\":1},", count: 500).utf8)
        try await front.listen(context: (), on: loop) { resource, router in
            let name = resource == .client ? "big" : "plain"
            router.onImmediate(.get, "/\(name)", name: name) { _, _, _ in .json(text) }
        }
        var answers: [String] = []
        for line in [
            "GET /big", "GET /plain", "BREW /nowhere", "G@T /x", "GET /_synapse/metrics",
        ] {
            let reader = Reader()
            let channel = try await loop.connect(to: .unix(path: path), timeout: .seconds(20)) {
                _ in reader
            }
            let request =
                "\(line) HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept-Encoding: gzip\r\n"
                + "X-Forwarded-For: 203.0.113.9, 10.0.0.1\r\n\r\n"
            channel.write(Array(request.utf8), on: loop)
            await reader.end(on: loop)
            if line.hasPrefix("GET /") {
                answers.append(String(decoding: reader.input, as: UTF8.self))
            }
        }
        await front.drain(on: loop)
        return answers
    }
}
