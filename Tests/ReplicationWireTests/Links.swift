import Bytes
import ReplicationWire

/// The links' events as expressions, at a second of the test's clock.
func at(_ seconds: Double) -> LinkTime {
    LinkTime(monotonic: .milliseconds(Int64(seconds * 1000)), unixMilliseconds: 1_000_000)
}

extension WorkerLink {
    mutating func opened(_ seconds: Double = 0) -> [Action] {
        var actions: [Action] = []
        opened(at: at(seconds), into: &actions)
        return actions
    }

    mutating func received(_ line: String, _ seconds: Double = 0) -> [Action] {
        var actions: [Action] = []
        received(Array(line.utf8).span.bytes, at: at(seconds), into: &actions)
        return actions
    }

    mutating func timePassed(_ seconds: Double) -> [Action] {
        var actions: [Action] = []
        timePassed(at: at(seconds), into: &actions)
        return actions
    }

    mutating func disconnected() -> [Action] {
        var actions: [Action] = []
        disconnected(into: &actions)
        return actions
    }

    mutating func userSync(_ user: String, _ isSyncing: Bool, _ time: Int64) -> [Action] {
        var actions: [Action] = []
        userSync(
            user, isSyncing: isSyncing, lastSyncMilliseconds: time, at: at(0), into: &actions)
        return actions
    }
}

extension MainLink {
    mutating func opened(_ seconds: Double = 0) -> [Action] {
        var actions: [Action] = []
        opened(at: at(seconds), into: &actions)
        return actions
    }

    mutating func received(_ line: String, _ seconds: Double = 0) -> [Action] {
        var actions: [Action] = []
        received(Array(line.utf8).span.bytes, at: at(seconds), into: &actions)
        return actions
    }

    mutating func timePassed(_ seconds: Double) -> [Action] {
        var actions: [Action] = []
        timePassed(at: at(seconds), into: &actions)
        return actions
    }
}

/// A generator with a seed (SplitMix64), so that a failure can be had again.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
