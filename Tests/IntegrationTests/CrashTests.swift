import Foundation
import JSON
import Reactor
import Testing

@testable import Workers

@Suite("Crashes under load", .serialized)
struct CrashTests {
    @Test("kill -9 of a synchrotron: clients go on from their tokens, nothing is lost or doubled")
    func synchrotron() throws {
        let fleet = try TestFleet.synchrotrons(1)
        try fleet.start()
        defer { _ = try? fleet.synctl(["stop", fleet.homeserver, "-a", fleet.workersFolder]) }
        try crash(fleet, "synchrotron1") {
            let again = try fleet.synctl(
                ["start", fleet.homeserver, "-w", fleet.workerPath("synchrotron1")])
            #expect(again.code == 0, "\(again.output)")
        }
    }

    @Test("kill -9 of the main process: synchrotrons keep their parked clients and catch up")
    func main() throws {
        let fleet = try TestFleet.synchrotrons(1)
        try fleet.start()
        defer { _ = try? fleet.synctl(["stop", fleet.homeserver, "-a", fleet.workersFolder]) }
        let synchrotron = try #require(fleet.pid(of: "synchrotron1"))
        let interrupted = try crash(fleet, "homeserver") {
            let again = try fleet.synctl(["start", fleet.homeserver])
            #expect(again.code == 0, "\(again.output)")
        }
        #expect(fleet.pid(of: "synchrotron1") == synchrotron)
        #expect(interrupted == 0, "\(interrupted) long polls were broken off")
    }

    /// Five readers poll while messages are sent; in the middle a process is killed and started again. Every
    /// message that was acknowledged must reach every reader once, in order. Returns how many polls broke.
    @discardableResult
    private func crash(
        _ fleet: TestFleet, _ victim: String, restart: @escaping @Sendable () throws -> Void
    ) throws -> Int {
        let (main, synchrotron) = (fleet.mainPort, fleet.workers[0].port)
        return try onLoop { loop in
            let talk = CrashTalk(main: main, synchrotron: synchrotron)
            try await talk.enter(readers: 5, on: loop)
            loop.spawn { await talk.speak(count: 300, on: loop) }
            for reader in talk.readers { loop.spawn { await reader.read(on: loop) } }
            while talk.acknowledged.count < 100 { await loop.sleep(for: .milliseconds(5)) }
            try await loop.offload {
                try fleet.kill(victim)
                try restart()
            }
            while !talk.isFinished { await loop.sleep(for: .milliseconds(10)) }
            for reader in talk.readers {
                let seen = reader.seen.filter { talk.acknowledged.contains($0) }
                #expect(seen == talk.order(of: seen), "out of order")
                #expect(Set(reader.seen).count == reader.seen.count, "doubled")
                #expect(Set(seen) == talk.acknowledged, "lost")
            }
            return talk.readers.map(\.interruptions).reduce(0, +)
        }
    }
}
