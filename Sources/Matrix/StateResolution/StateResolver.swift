/// Makes one state of several, such as those after each of an event's `prev_events`.
///
/// It does no I/O. `step` says what it needs, all at once and at most three times; whoever has a
/// database loads that in as few queries as it likes, supplies it, and steps again. What states
/// agree on is not asked for unless an event in conflict depends on it, however large it is.
///
///     var resolver = StateResolver(states, version: version)
///     while true {
///         switch try resolver.step() {
///         case .resolved(let state): return state
///         case .needs(.events(let names)): resolver.supply(try load(names))
///         case .needs(.chains(let names)): resolver.supply(try loadWithAuthChains(names))
///         case .needs(.agreed(let names, let ends)):
///             resolver.supply(agreed: try names(in: authChains(of: ends), among: names))
///         }
///     }
///
/// Specification: room version 1, 2 and 12, "State resolution".
public struct StateResolver: Sendable {
    /// What must be supplied.
    public enum Need: Sendable, Hashable {
        /// These events.
        case events(Set<EventID>)
        /// These events with all of their auth chains.
        case chains(Set<EventID>)
        /// Which of `names` are among `ends` or in their auth chains.
        case agreed(names: Set<EventID>, ends: Set<EventID>)
    }

    /// What comes of a step.
    public enum Step: Sendable {
        /// Something must be supplied first.
        case needs(Need)
        /// The resolved state.
        case resolved(StateMap<EventID>)
    }

    /// Why states cannot be resolved.
    public enum Failure: Error, Hashable, Sendable {
        /// An event that was supplied is not of the room.
        case otherRoom(EventID)
    }

    private enum Stage {
        case fresh, conflictLoaded, differenceKnown, ready
    }

    let version: RoomVersion
    let conflict: StateConflict
    var graph = AuthGraph()
    private var agreed: Set<EventID> = []
    private var stage = Stage.fresh
    private var fullConflict: Set<Int> = []
    private var foreign: EventID?

    /// Starts a resolution.
    ///
    /// - Parameters:
    ///   - states: The states; their order does not matter.
    ///   - version: The room's version, which chooses the algorithm.
    public init(_ states: [StateMap<EventID>], version: RoomVersion) {
        self.version = version
        conflict = StateConflict(states, absenceConflicts: version.stateResolution != .v1)
    }

    /// Supplies events that were asked for; those that nobody knows may be left out.
    ///
    /// - Parameters:
    ///   - events: The events.
    ///   - rejected: Those among them that were rejected when they came. They take part, but allow
    ///     nothing.
    public mutating func supply(_ events: some Sequence<Event>, rejected: Set<EventID> = []) {
        for event in events {
            if let roomID = graph.roomID, roomID != event.roomID { foreign = event.eventID }
            graph.insert(event, isRejected: rejected.contains(event.eventID))
        }
    }

    /// Supplies the answer to `Need.agreed`.
    public mutating func supply(agreed names: Set<EventID>) { agreed = names }

    /// Goes on as far as what was supplied allows.
    public mutating func step() throws(Failure) -> Step {
        if let foreign { throw .otherRoom(foreign) }
        if conflict.places.isEmpty { return .resolved(conflict.merged(with: [:])) }
        return version.stateResolution == .v1 ? stepV1() : stepV2()
    }

    /// Resolves states whose events are all at hand.
    public static func resolve(
        _ states: [StateMap<EventID>], version: RoomVersion, rejected: Set<EventID> = [],
        event: (EventID) -> Event?
    ) throws(Failure) -> StateMap<EventID> {
        var resolver = StateResolver(states, version: version)
        while true {
            switch try resolver.step() {
            case .resolved(let state): return state
            case .needs(.events(let names)):
                resolver.supply(names.compactMap { event($0) }, rejected: rejected)
            case .needs(.chains(let names)):
                resolver.supply(chain(of: names, event), rejected: rejected)
            case .needs(.agreed(let names, let ends)):
                resolver.supply(agreed: found(names, inChainOf: ends, event))
            }
        }
    }

    private static func chain(
        of ends: Set<EventID>, _ event: (EventID) -> Event?
    ) -> [Event] {
        var events: [Event] = []
        walk(from: ends, event) {
            events.append($0)
            return true
        }
        return events
    }

    private static func found(
        _ names: Set<EventID>, inChainOf ends: Set<EventID>, _ event: (EventID) -> Event?
    ) -> Set<EventID> {
        var missing = names
        walk(from: ends, event) {
            missing.remove($0.eventID)
            return !missing.isEmpty
        }
        return names.subtracting(missing)
    }

    /// Shows events and their auth chains, each once, until the visitor has seen enough.
    private static func walk(
        from ends: Set<EventID>, _ event: (EventID) -> Event?, _ wantsMore: (Event) -> Bool
    ) {
        var seen = ends
        var pending = Array(ends)
        while let name = pending.popLast() {
            guard let found = event(name) else { continue }
            guard wantsMore(found) else { return }
            for next in found.authEventIDs where seen.insert(next).inserted {
                pending.append(next)
            }
        }
    }
}

extension StateResolver {
    private var conflictedEvents: Set<EventID> { Set(conflict.events.joined()) }

    private var conflictedIndices: Set<Int> {
        Set(conflict.events.lazy.flatMap { graph.indices(of: $0) })
    }

    private mutating func stepV1() -> Step {
        switch stage {
        case .fresh:
            stage = .conflictLoaded
            return .needs(.events(conflictedEvents))
        case .conflictLoaded:
            stage = .ready
            let names = agreedEvents(deciding: graph.events)
            return names.isEmpty ? stepV1() : .needs(.events(names))
        case .differenceKnown, .ready:
            return .resolved(conflict.merged(with: resolveV1()))
        }
    }

    private mutating func stepV2() -> Step {
        switch stage {
        case .fresh:
            stage = .conflictLoaded
            return .needs(.chains(conflictedEvents))
        case .conflictLoaded:
            stage = .differenceKnown
            graph.link()
            let names = Set(chainDifference.map { graph.events[$0].eventID })
            // Chains of what the states agree on are in every state's.
            return names.isEmpty
                ? stepV2() : .needs(.agreed(names: names, ends: conflict.agreedEvents))
        case .differenceKnown:
            stage = .ready
            fullConflict = findFullConflict()
            let names = agreedEvents(deciding: fullConflict.map { graph.events[$0] })
            return names.isEmpty ? stepV2() : .needs(.chains(names))
        case .ready:
            graph.link()
            return .resolved(conflict.merged(with: resolveV2(fullConflict)))
        }
    }

    /// Events that some states' events in conflict rest on but not all.
    private var chainDifference: [Int] {
        let conflicted = conflictedIndices
        return graph.partlyReached(from: conflict.events.map { graph.indices(of: $0) })
            .filter { !conflicted.contains($0) }
    }

    /// The full conflicted set: the events in conflict, the auth difference and, since room version
    /// 12, whatever lies between two events in conflict.
    ///
    /// An auth difference compares whole auth chains. Those of the events that all states share are
    /// the same in each, so only the others' are looked at; what both have is in every state's. As
    /// with other servers a state's own events count with its chain.
    private func findFullConflict() -> Set<Int> {
        let conflicted = conflictedIndices
        var full = conflicted
        full.formUnion(chainDifference.filter { !agreed.contains(graph.events[$0].eventID) })
        if version.stateResolution == .v2Point1 { full.formUnion(graph.between(conflicted)) }
        return full
    }

    /// What else decides over the events: what the states agree on at their places, and the create
    /// event where it is nobody's auth event.
    private func agreedEvents(deciding events: [Event]) -> Set<EventID> {
        var names: Set<EventID> = []
        if version.roomIDIsHash, let create = graph.roomID?.createEventID { names.insert(create) }
        // From room version 12 on agreement counts only in the end.
        if version.stateResolution != .v2Point1 {
            for event in events {
                for place in AuthRules.statePlaces(for: event) {
                    if let name = conflict.agreed(place) { names.insert(name) }
                }
            }
        }
        return names.filter { graph[$0] == nil }
    }
}
