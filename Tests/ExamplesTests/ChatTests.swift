import Bytes
import Reactor
import ReactorTesting
import TestSupport
import Testing

@testable import ExampleChat

@Suite("Example: chat")
struct ChatTests {
    @Test("everybody hears everything that others say, in order", arguments: 0..<40)
    func conversation(seed: UInt64) throws {
        try onSimulatedLoop(seed: seed, faults: .rough) { loop in
            let listener = try openRoom(on: .loopback(), loop)
            let ada = try await Lines.connect(to: listener.localAddress, on: loop)
            ada.send("ada", on: loop)
            #expect(await ada.next(on: loop) == "* 0 others are here")
            let bob = try await Lines.connect(to: listener.localAddress, on: loop)
            bob.send("bob", on: loop)
            #expect(await bob.next(on: loop) == "* 1 others are here")
            #expect(await ada.next(on: loop) == "* bob is here")
            for number in 0..<100 { ada.send("line \(number)", on: loop) }
            for number in 0..<100 { #expect(await bob.next(on: loop) == "<ada> line \(number)") }
            ada.send("/quit", on: loop)
            #expect(await bob.next(on: loop) == "* ada has left")
            #expect(await ada.next(on: loop) == nil)
            listener.close(on: loop)
        }
    }

    @Test("a line that never ends, and a name that is none, are refused")
    func refusals() throws {
        try onSimulatedLoop(seed: 1) { loop in
            let listener = try openRoom(on: .loopback(), loop)
            for (line, answer) in [
                (String(repeating: "x", count: 2000), "! a line is too long"),
                (String(repeating: "x", count: 33), "! a name has 1 to 32 bytes"),
                ("", "! a name has 1 to 32 bytes"),
            ] {
                let stranger = try await Lines.connect(to: listener.localAddress, on: loop)
                stranger.send(line, on: loop)
                #expect(await stranger.next(on: loop) == answer)
                #expect(await stranger.next(on: loop) == nil)
            }
        }
    }

    @Test("who does not read is let go, and the others go on")
    func slowReader() throws {
        var faults = NetworkFaults()
        faults.window = 4096
        try onSimulatedLoop(seed: 1, faults: faults) { loop in
            let listener = try openRoom(on: .loopback(), loop)
            let ada = try await Lines.connect(to: listener.localAddress, on: loop)
            ada.send("ada", on: loop)
            #expect(await ada.next(on: loop) == "* 0 others are here")
            // Takes one line and never asks for another: 64 lie with it, the rest in the room.
            let deaf = try await Lines.connect(to: listener.localAddress, on: loop)
            deaf.send("deaf", on: loop)
            #expect(await ada.next(on: loop) == "* deaf is here")
            let words = String(repeating: "w", count: 1000)
            var said = 0
            while loop.resourceCount > 3 {
                ada.send(words, on: loop)
                said += 1
                try #require(said < 10_000)
                await loop.sleep(for: .milliseconds(1))
            }
            #expect(await ada.next(on: loop) == "* deaf has left")
        }
    }

    @Test("lines are the same however the bytes are cut")
    func splits() {
        let text = Array("one\r\n\ntwo and\rmore\n\r\nlast".utf8)
        for split in 0...text.count {
            var reader = LineReader()
            var lines: [String] = []
            for part in [text[..<split], text[split...]] {
                let isFine = reader.read(Array(part).span.bytes) { line in
                    lines.append(line.withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
                }
                #expect(isFine)
            }
            #expect(lines == ["one", "", "two and\rmore", ""])
        }
    }
}
