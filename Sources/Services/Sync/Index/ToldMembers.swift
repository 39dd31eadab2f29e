/// Of which members a device has been told, so that it need not be told again.
///
/// A process remembers this for a device as long as the device's requests follow one another. Whatever is not certain
/// is forgotten: then members are told again, never too few. Nothing is taken for received before the device asks for
/// what comes after it.
final class ToldMembers {
    /// How many are remembered, at least, once there are as many.
    static let membersMin = 256

    // Hashes of the ids of member events, which name room, user and version: made with a key of this process, so
    // that nobody can choose ids that collide. Two generations, so that the oldest go.
    private var young: Set<Int> = []
    private var old: Set<Int> = []
    /// The token that the device's last request had.
    private var since: StreamToken?
    /// What was sent in answer to it, and the token that says that it arrived.
    private var sent: (events: [Int], nextBatch: StreamToken, isFresh: Bool)?

    /// A request with this token arrived.
    func asked(since token: StreamToken?) {
        if let token, let sent, sent.nextBatch == token {
            if sent.isFresh { forget() }
            for event in sent.events { insert(event) }
        } else if token == nil || since != token {
            forget()
        }
        sent = nil
        since = token
    }

    /// Whether the device knows this member event.
    func knows(_ eventID: String) -> Bool {
        let hash = eventID.hashValue
        return young.contains(hash) || old.contains(hash)
    }

    /// Notes what an answer tells. One that brings rooms which are new to the client is a fresh start: who comes back
    /// to a room may have forgotten its members.
    func answered(_ eventIDs: [String], nextBatch: StreamToken, isFresh: Bool) {
        sent = (eventIDs.suffix(Self.membersMin).map(\.hashValue), nextBatch, isFresh)
    }

    private func forget() {
        young.removeAll()
        old.removeAll()
    }

    private func insert(_ event: Int) {
        guard !old.contains(event) else { return }
        if young.count >= Self.membersMin {
            old = young
            young.removeAll(keepingCapacity: true)
        }
        young.insert(event)
    }
}

extension ToldMembers {
    /// A copy, for tests that put the same question twice.
    func copied() -> ToldMembers {
        let copy = ToldMembers()
        copy.young = young
        copy.old = old
        copy.since = since
        copy.sent = sent
        return copy
    }
}

/// Which members are to be told with a timeline: those whose events are shown and who do not introduce themselves.
struct TimelineSenders {
    private var introduced: Set<String> = []
    private(set) var users: [String] = []
    private var seen: Set<String> = []

    /// Takes in the next event of the timeline.
    mutating func add(sender: String, type: String, stateKey: String?) {
        if type == "m.room.member", let stateKey { introduced.insert(stateKey) }
        guard !introduced.contains(sender), seen.insert(sender).inserted else { return }
        users.append(sender)
    }
}
