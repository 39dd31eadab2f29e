import Bytes
import Foundation
import ProcessControl
import Reactor
import TestSupport
import Testing

/// The examples as people run them.
@Suite("Example programs")
struct ProgramTests {
    @Test("echo gives back a mebibyte", arguments: ["epoll", "io_uring"])
    func echo(backend: String) throws {
        guard EventLoop.Backend(rawValue: backend)?.isAvailable == true else { return }
        try Example.run("ExampleEcho", ["0", backend]) { address, loop in
            let sent = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            let talk = Talk(sent.count)
            let channel = try await loop.connect(to: address, timeout: .seconds(10)) { _ in talk }
            channel.write(sent, on: loop)
            #expect(await talk.whole(on: loop) == sent)
        }
    }

    @Test("hello answers, greets by name, and parks a request until there is news")
    func hello() throws {
        try Example.run("ExampleHello", ["0"]) { address, loop in
            #expect(try await ask("GET /", at: address, on: loop).hasSuffix("Hello, world!\n"))
            #expect(
                try await ask("GET /hello/J%C3%BCrgen", at: address, on: loop)
                    .hasSuffix("Hello, Jürgen!\n"))
            #expect(try await ask("GET /slow", at: address, on: loop).contains("kept you"))
            #expect(try await ask("GET /nowhere", at: address, on: loop).contains(" 404 "))
            let waiting = Talk()
            let parked = try await loop.connect(to: address, timeout: .seconds(10)) { _ in waiting }
            parked.write(request("GET /next"), on: loop)
            // Told once the parked request has arrived, which only its being told can show.
            var answer = ""
            repeat {
                answer = try await ask("POST /tell", body: "Dinner.", at: address, on: loop)
            } while answer.hasSuffix("0 told\n")
            #expect(answer.hasSuffix("1 told\n"))
            let news = String(decoding: await waiting.whole(on: loop), as: UTF8.self)
            #expect(news.hasPrefix("HTTP/1.1 200 OK\r\n") && news.hasSuffix("\r\n\r\nDinner."))
        }
    }

    @Test("chat carries a word from one to another")
    func chat() throws {
        try Example.run("ExampleChat", ["0"]) { address, loop in
            let ada = try await Lines.connect(to: address, on: loop)
            ada.send("ada", on: loop)
            #expect(await ada.next(on: loop) == "* 0 others are here")
            let bob = try await Lines.connect(to: address, on: loop)
            bob.send("bob", on: loop)
            #expect(await ada.next(on: loop) == "* bob is here")
            ada.send("Hello, bob!", on: loop)
            #expect(await bob.next(on: loop) == "* 1 others are here")
            #expect(await bob.next(on: loop) == "<ada> Hello, bob!")
            bob.send("/quit", on: loop)
            #expect(await ada.next(on: loop) == "* bob has left")
            ada.close(on: loop)
        }
    }

    @Test("what is not a port is told how to use it", arguments: Example.names)
    func usage(name: String) throws {
        let outcome = try Example.output(name, ["seven"])
        #expect(outcome.status == .exited(64))
        #expect(outcome.text.hasPrefix("usage: \(name)"))
    }

    private func request(_ line: String, body: String = "") -> [UInt8] {
        Array(
            "\(line) HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
                .utf8)
    }

    private func ask(
        _ line: String, body: String = "", at address: SocketAddress, on loop: isolated EventLoop
    ) async throws -> String {
        let talk = Talk()
        let channel = try await loop.connect(to: address, timeout: .seconds(10)) { _ in talk }
        channel.write(request(line, body: body), on: loop)
        return String(decoding: await talk.whole(on: loop), as: UTF8.self)
    }
}

/// Collects what comes until there are `wanted` bytes, or the other end closes.
private final class Talk: ChannelHandler {
    private let wanted: Int
    private var heard: [UInt8] = []
    private var waiter: UnsafeContinuation<Void, Never>?
    private var isOver = false

    init(_ wanted: Int = .max) { self.wanted = wanted }

    func whole(on loop: isolated EventLoop) async -> [UInt8] {
        if !isOver { await withUnsafeContinuation(isolation: loop) { waiter = $0 } }
        return heard
    }

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        heard += bytes.array
        if heard.count >= wanted { channel.close(on: loop) }
    }

    func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
        isOver = true
        waiter.take()?.resume()
    }
}
