import Bytes
import Reactor
import Testing

@testable import Workers

@Suite("A person with netcat at the replication port of a real main process", .serialized)
struct NetcatTests {
    /// What ends the connection, and with which words.
    private static let fatal: [([UInt8], String)] = [
        (line("FOO bar"), "ERROR invalid command: FOO"),
        (line("FOO"), "ERROR invalid command: FOO"),
        (line("RDATA events 1 []"), "ERROR invalid command: RDATA"),
        (line("SERVER test.local"), "ERROR invalid command: SERVER"),
        (line("POSITION events 1"), "ERROR invalid command: POSITION"),
        (
            line("REPLICATE tea NOW"), "ERROR failed to handle replicate: unknown stream tea"
        ),
        (
            line("REPLICATE federation 0"),
            "ERROR failed to handle replicate: unknown stream federation"
        ),
        (
            line("REPLICATE events soon"),
            "ERROR failed to parse line for REPLICATE: a token is a number or NOW"
        ),
        (line("NAME"), "ERROR failed to parse line for NAME: no arguments"),
        (
            line("USER_SYNC @a:test.local begin 5"),
            "ERROR failed to parse line for USER_SYNC: expected start or end"
        ),
        ([0xFF, 0xFE, 0x20, 0x0A], "ERROR failed to parse line: not UTF-8"),
        ([UInt8](repeating: 0x41, count: (1 << 20) + 2), "ERROR line too long"),
    ]

    private static func line(_ text: String) -> [UInt8] { Array("\(text)\n".utf8) }

    @Test("The answers to bad input say what is wrong and end the connection; the rest goes on")
    func answers() throws {
        let fleet = try TestFleet([])
        #expect(try fleet.synctl(["start", fleet.homeserver]).code == 0)
        defer { _ = try? fleet.synctl(["stop", fleet.homeserver]) }
        let port = fleet.replicationPort
        try onLoop { loop in
            for (input, answer) in Self.fatal {
                let cat = try await Netcat.open(port, on: loop)
                cat.channel?.write(input, on: loop)
                await cat.wait(on: loop) { cat.hasEnded }
                #expect(cat.lines.last == answer)
                #expect(cat.lines.count == 3, "\(cat.lines)")
                cat.channel?.close(on: loop)
            }
            try await Self.session(port, on: loop)
        }
    }

    /// What keeps the connection open.
    private static func session(_ port: UInt16, on loop: isolated EventLoop) async throws {
        let cat = try await Netcat.open(port, on: loop)
        cat.say("NAME nc\r\n\n", on: loop)
        cat.say("REPLICATE events 999999\n", on: loop)
        cat.say("ERROR oh dear\nINVALIDATE_CACHE nobody_has_this [\"k\"]\n", on: loop)
        cat.say("REPLICATE caches NOW\n", on: loop)
        await cat.wait(on: loop) { cat.lines.count >= 4 }
        #expect(cat.lines[2].hasPrefix("POSITION events "))
        #expect(cat.lines[2] != "POSITION events 999999")
        await cat.wait(on: loop) { cat.lines.contains { $0.hasPrefix("POSITION caches ") } }
        // A worker's wish reaches everybody.
        cat.say("INVALIDATE_CACHE get_x [\"a\"]\nINVALIDATE_CACHE get_y null\n", on: loop)
        await cat.wait(on: loop) { cat.lines.contains { $0.contains("get_y") } }
        let rows = cat.lines.filter { $0.hasPrefix("RDATA caches ") }
        #expect(rows.contains { $0.contains("[\"get_x\",[\"a\"],") })
        #expect(rows.contains { $0.contains("[\"get_y\",null,") })
        #expect(!cat.hasEnded)
        cat.channel?.close(on: loop)
    }

    @Test("A fleet with a secret and the named dialect works, and strangers learn nothing")
    func secret() throws {
        let fleet = try TestFleet(
            [("synchrotron1", "synapse.app.synchrotron", "client")],
            extra: "replication_dialect: named\nworker_replication_secret: open sesame\n")
        try fleet.start()
        defer { _ = try? fleet.synctl(["stop", fleet.homeserver, "-a", fleet.workersFolder]) }
        let port = fleet.replicationPort
        let (main, synchrotron) = (fleet.mainPort, fleet.workers[0].port)
        try onLoop { loop in
            try await ReplicationPortTests.deliverOne(
                main: main, synchrotron: synchrotron, on: loop)
            for (text, answer) in [
                ("REPLICATE \n", "the first line must be AUTH and the worker_replication_secret"),
                ("AUTH sesame\n", "the worker_replication_secret is not the main process's"),
            ] {
                let cat = try await Netcat.open(port, on: loop)
                cat.say(text, on: loop)
                await cat.wait(on: loop) { cat.hasEnded }
                #expect(cat.lines.count == 3)
                #expect(!cat.lines[1].contains("events="))
                #expect(cat.lines.last == "ERROR authentication failed: \(answer)")
                cat.channel?.close(on: loop)
            }
            let cat = try await Netcat.open(port, on: loop)
            cat.say("AUTH open sesame\nREPLICATE \n", on: loop)
            await cat.wait(on: loop) {
                cat.lines.contains { $0.hasPrefix("POSITION events master ") }
            }
            #expect(cat.lines[2].contains("events="))
            cat.channel?.close(on: loop)
        }
    }
}

/// A raw connection that keeps every line.
final class Netcat: ChannelHandler {
    private(set) var lines: [String] = []
    private(set) var hasEnded = false
    var channel: Channel?
    private var unfinished: [UInt8] = []

    static func open(_ port: UInt16, on loop: isolated EventLoop) async throws -> Netcat {
        let cat = Netcat()
        cat.channel = try await loop.connect(to: .loopback(port: port), timeout: .seconds(10)) {
            _ in cat
        }
        await cat.wait(on: loop) { cat.lines.count >= 2 }
        #expect(cat.lines.first == "SERVER test.local")
        #expect(cat.lines.dropFirst().first?.hasPrefix("PING ") == true)
        return cat
    }

    func say(_ text: String, on loop: isolated EventLoop) {
        channel?.write(Array(text.utf8), on: loop)
    }

    /// Waits, two minutes at most, until something has come about.
    func wait(on loop: isolated EventLoop, until isMet: () -> Bool) async {
        let begun = loop.now
        while !isMet() {
            guard loop.now - begun < .seconds(120) else {
                Issue.record("nothing came after \(lines)")
                return
            }
            await loop.sleep(for: .milliseconds(5))
        }
    }

    func received(_ bytes: RawSpan, from channel: Channel, on loop: isolated EventLoop) {
        bytes.withUnsafeBytes { unfinished += $0 }
        while let end = unfinished.firstIndex(of: 0x0A) {
            lines.append(String(decoding: unfinished[..<end], as: UTF8.self))
            unfinished.removeSubrange(...end)
        }
    }

    func inputEnded(_ channel: Channel, on loop: isolated EventLoop) {
        hasEnded = true
        channel.close(on: loop)
    }

    func closed(_ channel: Channel, reason: CloseReason, on loop: isolated EventLoop) {
        hasEnded = true
    }
}
