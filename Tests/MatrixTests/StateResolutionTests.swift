import JSON
import Matrix
import Testing

private let users: [UserID] = ["@alice:a", "@bob:b", "@carol:c", "@dave:d", "@eve:e"]

/// A room in which random members do random things on up to four branches; now and then two
/// branches become one.
private struct RandomStory {
    let story: Story
    var branches: [Story.Branch]
    var generator: SeededGenerator

    init(version: RoomVersion, seed: UInt64) {
        story = Story(version)
        generator = SeededGenerator(state: seed)
        branches = [
            story.room(
                of: users[0], levels: [users[1].text: 50, users[2].text: 50],
                members: Array(users[1...3]))
        ]
        for _ in 0..<Int.random(in: 5...40, using: &generator) { advance() }
    }

    private mutating func advance() {
        let index = Int.random(in: branches.indices, using: &generator)
        switch Int.random(in: 0..<10, using: &generator) {
        case 0 where branches.count < 4: branches.append(branches[index])
        case 1 where branches.count > 2:
            let other = branches.remove(at: index)
            let target = Int.random(in: branches.indices, using: &generator)
            if let state = try? story.resolve([branches[target], other]) {
                branches[target].state = state
            }
        default: act(on: index)
        }
    }

    private mutating func user() -> UserID { users.randomElement(using: &generator)! }

    /// Does something if the rules allow it, as a server would make sure.
    private mutating func act(on index: Int) {
        var branch = branches[index]
        let before = branch.state
        let (sender, target) = (user(), user())
        let clock = Int64.random(in: 0...300, using: &generator)
        let event: EventID
        switch Int.random(in: 0..<7, using: &generator) {
        case 0: event = story.member(target, "ban", by: sender, on: &branch)
        case 1: event = story.member(target, "leave", by: sender, on: &branch)
        case 2: event = story.join(sender, on: &branch)
        case 3:
            let rule: JSON = Bool.random(using: &generator) ? "public" : "invite"
            event = story.send(
                EventType.joinRules, "", sender, ["join_rule": rule], on: &branch, at: clock)
        case 4:
            let content = before[.powerLevels].flatMap { story.events[$0]?.content } ?? [:]
            var levels = content["users"]?.objectValue ?? [:]
            let level: Int64 = [0, 40, 50, 60].randomElement(using: &generator)!
            levels[target.text] = .integer(level)
            event = story.setLevels(levels, by: sender, on: &branch)
        case 5: event = story.member(target, "invite", by: sender, on: &branch)
        default:
            let type = ["m.room.topic", "m.x"].randomElement(using: &generator)!
            event = story.send(type, "", sender, [:], on: &branch, at: clock)
        }
        if story.allows(event, in: before) { branches[index] = branch }
    }
}

@Suite struct StateResolutionProperties {
    private static let versions: [RoomVersion] = [.v1, .v2, .v6, .v11, .v12]

    @Test(arguments: versions)
    func neitherTheOrderOfStatesNorRepetitionMatters(version: RoomVersion) throws {
        for seed in 0..<30 as Range<UInt64> {
            var random = RandomStory(version: version, seed: seed)
            let states = random.branches.map(\.state)
            let resolved = try random.story.resolve(states)
            for _ in 0..<4 {
                let shuffled = states.shuffled(using: &random.generator)
                #expect(try random.story.resolve(shuffled) == resolved, "seed \(seed)")
                #expect(try random.story.resolve(shuffled + states) == resolved, "seed \(seed)")
            }
            #expect(try random.story.resolve([resolved, resolved]) == resolved, "seed \(seed)")
            for state in states {
                #expect(try random.story.resolve([state]) == state)
                #expect(try random.story.resolve([state, state]) == state)
            }
        }
    }

    @Test(arguments: versions)
    func whatAllStatesAgreeOnStays(version: RoomVersion) throws {
        for seed in 100..<130 as Range<UInt64> {
            let random = RandomStory(version: version, seed: seed)
            let states = random.branches.map(\.state)
            let resolved = try random.story.resolve(states)
            for (place, event) in states[0] where states.allSatisfy({ $0[place] == event }) {
                #expect(resolved[place] == event, "seed \(seed)")
            }
            for (place, event) in resolved {
                #expect(random.story.events[event]?.statePlace == place, "seed \(seed)")
            }
        }
    }

    @Test(arguments: [RoomVersion.v2, .v6, .v11, .v12])
    func theResultIsThatOfTheSpecificationsOwnWords(version: RoomVersion) throws {
        var conflicts = 0
        for seed in 200..<320 as Range<UInt64> {
            let random = RandomStory(version: version, seed: seed)
            let states = random.branches.map(\.state)
            let plain = PlainStateResolution(version: version, events: random.story.events)
            #expect(try random.story.resolve(states) == plain.resolve(states), "seed \(seed)")
            if Set(states).count > 1 { conflicts += 1 }
        }
        // Else it would not say much.
        #expect(conflicts > 60)
    }
}

@Suite struct StateResolverRequests {
    @Test func statesThatAgreeNeedNothing() throws {
        let story = Story(.v11)
        let room = story.room(of: users[0])
        var resolver = StateResolver([room.state, room.state], version: .v11)
        guard case .resolved(let state) = try resolver.step() else {
            Issue.record("something is needed")
            return
        }
        #expect(state == room.state)
        #expect(try StateResolver.resolve([], version: .v11) { _ in nil } == [:])
    }

    /// What the states of a large room agree on is not loaded.
    @Test(arguments: [RoomVersion.v1, .v2, .v11, .v12])
    func aLargeStateIsLeftAlone(version: RoomVersion) throws {
        let story = Story(version)
        var room = story.room(of: users[0], members: [users[1]])
        for number in 0..<400 {
            story.join(UserID("@user\(number):u")!, on: &room)
        }
        var other = room
        story.topic("one", by: users[0], on: &room)
        story.member("@user1:u", "ban", by: users[0], on: &other)
        story.topic("two", by: users[0], on: &other)
        var loaded: Set<EventID> = []
        let resolved = try StateResolver.resolve([room.state, other.state], version: version) {
            loaded.insert($0)
            return story.events[$0]
        }
        #expect(resolved[StateKey("m.room.topic")] == other.state[StateKey("m.room.topic")])
        #expect(resolved.count == other.state.count)
        #expect(loaded.count < 20)
    }

    @Test(arguments: RoomVersion.allCases)
    func nothingIsAskedForMoreThanThreeTimes(version: RoomVersion) throws {
        for seed in 400..<410 as Range<UInt64> {
            let random = RandomStory(version: version, seed: seed)
            let story = random.story
            var resolver = StateResolver(random.branches.map(\.state), version: version)
            var needs = 0
            while case .needs(let need) = try resolver.step() {
                needs += 1
                // The most generous answer to everything.
                switch need {
                case .events, .chains: resolver.supply(story.events.values)
                case .agreed(let names, let ends):
                    #expect(!names.isEmpty && !ends.isEmpty)
                    resolver.supply(agreed: [])
                }
            }
            #expect(needs <= 3, "seed \(seed)")
        }
    }

    @Test func eventsOfOtherRoomsAreRefused() throws {
        let story = Story(.v12)
        var room = story.room(of: users[0])
        let before = room.state
        let topic = story.topic("x", by: users[0], on: &room)
        let foreign = Story(.v12).room(of: users[1])
        var resolver = StateResolver([before, room.state], version: .v12)
        _ = try resolver.step()
        resolver.supply([story.events[topic]!])
        resolver.supply([foreign.tip!])
        #expect(throws: StateResolver.Failure.otherRoom(foreign.tip!.eventID)) {
            try resolver.step()
        }
    }

    @Test func rejectedEventsAllowNothing() throws {
        let story = Story(.v11)
        var room = story.room(of: users[0], members: [users[1]])
        let before = room.state
        let promotion = story.setLevels(
            [users[1].text: 50], by: users[0], creators: [users[0]], on: &room)
        // The topic rests on a promotion that is in neither state.
        let topic = story.topic("x", by: users[1], on: &room)
        room.state[.powerLevels] = before[.powerLevels]
        func resolve(rejected: Set<EventID>) throws -> EventID? {
            try StateResolver.resolve(
                [before, room.state], version: .v11, rejected: rejected
            ) { story.events[$0] }[StateKey("m.room.topic")]
        }
        #expect(try resolve(rejected: [promotion]) == nil)
        // Unrejected the promotion is of the auth difference, and so applied itself.
        #expect(try resolve(rejected: []) == topic)
    }

    @Test func eventsThatNobodyKnowsAreLeftOut() throws {
        let story = Story(.v11)
        var room = story.room(of: users[0])
        let before = room.state
        let topic = story.topic("x", by: users[0], on: &room)
        let resolved = try StateResolver.resolve([before, room.state], version: .v11) {
            $0 == topic ? nil : story.events[$0]
        }
        #expect(resolved == before)
    }
}
