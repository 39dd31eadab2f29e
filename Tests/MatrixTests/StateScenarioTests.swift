import JSON
import Matrix
import Testing

private let alice: UserID = "@alice:a"
private let bob: UserID = "@bob:b"
private let carol: UserID = "@carol:c"
private let eve: UserID = "@eve:e"

private let topic = StateKey("m.room.topic")

/// What must come of races between members, in all versions since the second algorithm.
@Suite struct StateRaces {
    static let versions = RoomVersion.allCases.filter { $0 >= .v2 }

    /// A room in which Bob has level 50.
    private func start(_ version: RoomVersion) -> (Story, Story.Branch) {
        let story = Story(version)
        let room = story.room(of: alice, levels: [bob.text: 50], members: [bob, carol])
        return (story, room)
    }

    /// Resolves both ways round.
    private func resolve(
        _ story: Story, _ left: Story.Branch, _ right: Story.Branch
    ) throws
        -> StateMap<EventID>
    {
        let resolved = try story.resolve([left, right])
        #expect(try story.resolve([right, left]) == resolved)
        return resolved
    }

    @Test(arguments: versions)
    func aBanWinsOverPowerLevelsThatTheBannedOneSets(version: RoomVersion) throws {
        let (story, room) = start(version)
        var left = room
        var right = left
        let ban = story.member(bob, "ban", by: alice, on: &left)
        let levels = left.state[.powerLevels]
        story.setLevels([bob.text: 50, carol.text: 50], by: bob, creators: [alice], on: &right)
        let resolved = try resolve(story, left, right)
        #expect(resolved[.member(bob)] == ban)
        #expect(resolved[.powerLevels] == levels)
    }

    @Test(arguments: versions)
    func aDemotionWinsOverABanThatTheDemotedOneMakes(version: RoomVersion) throws {
        let (story, room) = start(version)
        var left = room
        var right = left
        let carolJoined = left.state[.member(carol)]
        story.member(carol, "ban", by: bob, on: &right)
        let demotion = story.setLevels([:], by: alice, creators: [alice], on: &left)
        let resolved = try resolve(story, left, right)
        #expect(resolved[.powerLevels] == demotion)
        #expect(resolved[.member(carol)] == carolJoined)
    }

    @Test(arguments: versions)
    func nobodyEvadesNewJoinRules(version: RoomVersion) throws {
        let (story, room) = start(version)
        var left = room
        var right = left
        let closed = story.send(
            EventType.joinRules, "", alice, ["join_rule": "invite"], on: &left)
        story.join(eve, on: &right)
        let resolved = try resolve(story, left, right)
        #expect(resolved[.joinRules] == closed)
        #expect(resolved[.member(eve)] == nil)
    }

    @Test(arguments: versions)
    func theEarlierOfTwinJoinRulesGivesWayToTheLater(version: RoomVersion) throws {
        let (story, room) = start(version)
        var left = room
        var right = left
        story.send(EventType.joinRules, "", alice, ["join_rule": "invite"], on: &left)
        let twin = story.send(EventType.joinRules, "", alice, ["join_rule": "invite"], on: &right)
        #expect(try resolve(story, left, right)[.joinRules] == twin)
    }

    @Test(arguments: versions)
    func theTopicOfOneWhoWasBannedIsForgotten(version: RoomVersion) throws {
        let (story, room) = start(version)
        var left = room
        let old = story.topic("old", by: alice, on: &left)
        var right = left
        let ban = story.member(bob, "ban", by: alice, on: &left)
        story.topic("Bob's", by: bob, on: &right)
        let resolved = try resolve(story, left, right)
        #expect(resolved[.member(bob)] == ban)
        #expect(resolved[topic] == old)
    }

    @Test(arguments: versions)
    func ofTopicsTheLaterWinsIfThePowerLevelsAreTheSame(version: RoomVersion) throws {
        let (story, room) = start(version)
        var left = room
        var right = left
        story.topic("earlier", by: bob, on: &left)
        let later = story.topic("later", by: alice, on: &right)
        #expect(try resolve(story, left, right)[topic] == later)
    }

    @Test(arguments: versions)
    func ofTopicsTheOneOnNewerPowerLevelsWinsWhateverTheClocksSay(version: RoomVersion) throws {
        let (story, room) = start(version)
        var left = room
        var right = left
        story.setLevels([bob.text: 60], by: alice, creators: [alice], on: &left)
        let newer = story.send(
            EventType.topic, "", alice, ["topic": "newer"], on: &left, at: 1)
        story.send(EventType.topic, "", bob, ["topic": "from the future"], on: &right, at: 1 << 50)
        #expect(try resolve(story, left, right)[topic] == newer)
    }

    @Test(arguments: versions)
    func powerLevelsThatOneSetsAfterBeingDemotedCountForNothing(version: RoomVersion) throws {
        let (story, room) = start(version)
        var left = room
        var right = left
        let demotion = story.setLevels([:], by: alice, creators: [alice], on: &left)
        story.setLevels([bob.text: 50, carol.text: 50], by: bob, creators: [alice], on: &right)
        story.setLevels([bob.text: 50, carol.text: 40], by: bob, creators: [alice], on: &right)
        let late = story.topic("Bob's", by: bob, on: &right)
        let resolved = try resolve(story, left, right)
        #expect(resolved[.powerLevels] == demotion)
        #expect(resolved[topic] != late)
    }

    @Test(arguments: versions)
    func aKickWinsOverWhatTheKickedOneSends(version: RoomVersion) throws {
        let (story, room) = start(version)
        var left = room
        var right = left
        let kick = story.member(bob, "leave", by: alice, on: &left)
        story.send("m.x", "", bob, [:], on: &right)
        let resolved = try resolve(story, left, right)
        #expect(resolved[.member(bob)] == kick)
        #expect(resolved[StateKey("m.x")] == nil)
    }

    @Test(arguments: versions)
    func threeBranchesMakeOneWhateverTheirOrder(version: RoomVersion) throws {
        let (story, room) = start(version)
        var (one, two, three) = (room, room, room)
        story.topic("one", by: bob, on: &one)
        story.setLevels([bob.text: 50, carol.text: 50], by: alice, creators: [alice], on: &two)
        story.topic("two", by: carol, on: &two)
        story.member(carol, "ban", by: bob, on: &three)
        let states = [one.state, two.state, three.state]
        let resolved = try story.resolve(states)
        for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            #expect(try story.resolve(order.map { states[$0] }) == resolved)
        }
        // Carol's promotion was Alice's, so Bob could ban her no more.
        #expect(resolved[.member(carol)] == two.state[.member(carol)])
        #expect(resolved[topic] == two.state[topic])
    }
}

/// How the algorithm of room version 12 repairs states that fall back to what was before.
@Suite struct StateResets {
    /// Alice, who set the join rules, has left; another server claims the old join rules.
    @Test(arguments: [RoomVersion.v11, .v12])
    func joinRulesOfOneWhoLeft(version: RoomVersion) throws {
        let story = Story(version)
        var room = story.room(of: alice, levels: [bob.text: 100], members: [bob])
        let old = room.state[.joinRules]
        let new = story.send(EventType.joinRules, "", alice, ["join_rule": "invite"], on: &room)
        story.member(alice, "leave", by: alice, on: &room)
        var wrong = room
        wrong.state[.joinRules] = old
        let resolved = try story.resolve([room, wrong])
        // Until then neither is allowed, since Alice is not there; the room has no join rules any more.
        #expect(resolved[.joinRules] == (version == .v12 ? new : nil))
        #expect(resolved[.member(alice)] == room.state[.member(alice)])
    }

    /// An event names old power levels but rests on another that names new ones; the state after it
    /// is said to have the old.
    @Test(arguments: [RoomVersion.v11, .v12])
    func anEventThatNamesOldPowerLevels(version: RoomVersion) throws {
        let story = Story(version)
        var room = story.room(of: alice, members: [bob, carol])
        let oldLevels = room.state[.powerLevels]!
        story.setLevels([bob.text: 50], by: alice, creators: [alice], on: &room)
        let levels = story.setLevels(
            [bob.text: 50, carol.text: 50], by: bob, creators: [alice], on: &room)
        var dodgy = room
        let joined = story.join(eve, on: &dodgy)
        var cited = [oldLevels, room.state[.joinRules]!, joined]
        if !version.roomIDIsHash { cited.append(room.state[.create]!) }
        let renamed = story.send(
            EventType.member, eve.text, eve, ["membership": "join", "displayname": "E"],
            on: &dodgy, citing: cited)
        dodgy.state[.powerLevels] = oldLevels
        let zara: UserID = "@zara:z"
        let zaraJoined = story.join(zara, on: &room)
        let resolved = try story.resolve([dodgy, room])
        #expect(resolved[.member(zara)] == zaraJoined)
        // What lies between the events in conflict is applied too, such as Bob's promotion, without
        // which he may not set the newer power levels.
        #expect(resolved[.powerLevels] == (version == .v12 ? levels : oldLevels))
        #expect(resolved[.member(eve)] == (version == .v12 ? joined : renamed))
    }
}

/// The algorithm of room version 1.
@Suite struct StateRacesInVersionOne {
    private let story = Story(.v1)

    @Test func whatOnlyOneStateHasIsNoConflict() throws {
        let room = story.room(of: alice, levels: [bob.text: 50], members: [bob])
        var (left, right) = (room, room)
        let joined = story.join(carol, on: &left)
        let set = story.send("m.x", "", bob, [:], on: &right)
        let resolved = try story.resolve([left, right])
        #expect(resolved[.member(carol)] == joined)
        #expect(resolved[StateKey("m.x")] == set)
        #expect(resolved.count == room.state.count + 2)
    }

    @Test func ofPlainStateTheDeepestThatIsAllowedWins() throws {
        let room = story.room(of: alice, levels: [bob.text: 50], members: [bob, carol])
        var (left, right) = (room, room)
        let shallow = story.topic("shallow", by: alice, on: &left)
        story.send("m.x", nil, bob, [:], on: &right)
        let deep = story.topic("deep", by: bob, on: &right)
        #expect(try story.resolve([left, right])[topic] == deep)
        // Of Carol's, who may not, nothing remains.
        var third = room
        for _ in 0..<5 { story.send("m.x", nil, carol, [:], on: &third) }
        story.topic("deepest", by: carol, on: &third)
        #expect(try story.resolve([left, third, right])[topic] == deep)
        #expect(try story.resolve([third, left])[topic] == shallow)
    }

    @Test func powerLevelsAreAppliedByDepthUntilOneIsRefused() throws {
        let room = story.room(of: alice, levels: [bob.text: 50], members: [bob])
        var (left, right) = (room, room)
        let demotion = story.setLevels([:], by: alice, creators: [alice], on: &left)
        story.send("m.x", nil, bob, [:], on: &right)
        let late = story.setLevels(
            [bob.text: 40], by: bob, creators: [alice], on: &right)
        let resolved = try story.resolve([left, right])
        #expect(resolved[.powerLevels] == demotion)
        #expect(resolved[.powerLevels] != late)
    }

    @Test func ofTwoBansOfOneUserBothOrdersGiveTheSame() throws {
        let room = story.room(of: alice, levels: [bob.text: 50], members: [bob, carol])
        var (left, right) = (room, room)
        story.member(carol, "ban", by: alice, on: &left)
        story.member(carol, "ban", by: bob, on: &right)
        let resolved = try story.resolve([left, right])
        #expect(try story.resolve([right, left]) == resolved)
    }

    @Test func ifNothingIsAllowedTheOldestStays() throws {
        let room = story.room(of: alice, members: [carol])
        var (left, right) = (room, room)
        let oldest = story.topic("one", by: carol, on: &left)
        story.send("m.x", nil, carol, [:], on: &right)
        story.topic("two", by: carol, on: &right)
        #expect(try story.resolve([left, right])[topic] == oldest)
    }
}
