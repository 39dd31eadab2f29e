import JSON
import Matrix

/// The events of a room whose history forks, told in order. Auth events are chosen as servers do
/// unless a test says otherwise.
final class Story {
    /// One side of a fork: what the next event on it follows, and the state there.
    struct Branch {
        fileprivate(set) var tip: Event?
        var state: StateMap<EventID> = [:]
    }

    let version: RoomVersion
    private(set) var events: [EventID: Event] = [:]
    private var roomID: RoomID?
    /// The senders' clocks, which all agree.
    private var clock: Int64 = 0

    init(_ version: RoomVersion) {
        self.version = version
        roomID = version.roomIDIsHash ? nil : RoomID("!room:a")
    }

    /// A room that its creator has opened to all, with these levels, and these members.
    func room(of creator: UserID, levels: JSON.Object = [:], members: [UserID] = []) -> Branch {
        var branch = Branch()
        send(EventType.create, "", creator, ["creator": creator.json], on: &branch)
        join(creator, on: &branch)
        setLevels(levels, by: creator, creators: [creator], on: &branch)
        send(EventType.joinRules, "", creator, ["join_rule": "public"], on: &branch)
        for member in members { join(member, on: &branch) }
        return branch
    }

    /// Sends an event, whose auth events are those that the state of the branch has unless others are
    /// cited, at the time unless the sender's clock is wrong.
    @discardableResult
    func send(
        _ type: String, _ key: String?, _ sender: UserID, _ content: JSON.Object,
        on branch: inout Branch, citing: [EventID]? = nil, at timestamp: Int64? = nil
    ) -> EventID {
        clock += 10
        var builder = EventBuilder(
            version: version, roomID: roomID, type: type, stateKey: key, sender: sender,
            content: content)
        let places = AuthRules.authEventPlaces(for: builder)
        let auth = citing ?? places.compactMap { branch.state[$0] }
        builder.follow(
            branch.tip.map { [$0] } ?? [], allowedBy: auth.compactMap { events[$0] })
        builder.originServerTimestamp = timestamp ?? clock
        guard let event = try? builder.build(signingWith: RoomFixture.key) else {
            fatalError("the story's event is malformed")
        }
        if type == EventType.create { roomID = event.roomID }
        events[event.eventID] = event
        branch.tip = event
        if let place = event.statePlace { branch.state[place] = event.eventID }
        return event.eventID
    }

    /// Whether the rules allow a branch's last event by the state before it.
    func allows(_ event: EventID, in state: StateMap<EventID>) -> Bool {
        do {
            try AuthRules.check(
                events[event]!, against: state.compactMapValues { events[$0] }, signedBy: nil)
            return true
        } catch {
            return false
        }
    }

    @discardableResult
    func member(
        _ user: UserID, _ membership: String, by sender: UserID, on branch: inout Branch
    ) -> EventID {
        send(
            EventType.member, user.text, sender, ["membership": .string(membership)], on: &branch)
    }

    @discardableResult
    func join(_ user: UserID, on branch: inout Branch) -> EventID {
        member(user, "join", by: user, on: &branch)
    }

    @discardableResult
    func setLevels(
        _ levels: JSON.Object, by sender: UserID, creators: [UserID] = [],
        on branch: inout Branch
    ) -> EventID {
        var users = levels
        // Creators have a level only where that is not a mistake.
        if !version.creatorsOutrankAll {
            for creator in creators { users[creator.text] = 100 }
        }
        return send(
            EventType.powerLevels, "", sender, ["users": .object(users)], on: &branch)
    }

    @discardableResult
    func topic(_ topic: String, by sender: UserID, on branch: inout Branch) -> EventID {
        send(EventType.topic, "", sender, ["topic": .string(topic)], on: &branch)
    }

    /// Makes one of several branches, as an event that follows all of them would find the room.
    func resolve(_ branches: [Branch]) throws -> StateMap<EventID> {
        try resolve(branches.map(\.state))
    }

    func resolve(_ states: [StateMap<EventID>]) throws -> StateMap<EventID> {
        try StateResolver.resolve(states, version: version) { events[$0] }
    }
}
