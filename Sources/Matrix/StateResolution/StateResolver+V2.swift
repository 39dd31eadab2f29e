/// Room versions 2 and 12, "State resolution".
extension StateResolver {
    /// What becomes of the places in conflict, given the full conflicted set.
    func resolveV2(_ conflicted: Set<Int>) -> StateMap<EventID> {
        var resolved: StateMap<EventID> = [:]
        let power = powerEvents(of: conflicted)
        apply(powerOrder(of: power), to: &resolved)
        let others = conflicted.subtracting(power)
        let levels = resolved[.powerLevels] ?? base(.powerLevels)
        apply(mainlineOrder(of: others, from: levels.flatMap { graph[$0] }), to: &resolved)
        return resolved
    }

    /// What the states agree on, where the algorithm starts with that.
    private func base(_ place: StateKey) -> EventID? {
        version.stateResolution == .v2Point1 ? nil : conflict.agreed(place)
    }

    /// The power events among these, with what allows them as far as it is among these too.
    ///
    /// The specification would follow an auth chain also where it leaves the full conflicted set and comes
    /// back. Servers at large do not, and state must be what they make of it. From room version 12 on a
    /// chain cannot do that.
    private func powerEvents(of conflicted: Set<Int>) -> Set<Int> {
        var pending = conflicted.filter { graph.events[$0].isPowerEvent }
        var power: Set<Int> = []
        while let index = pending.popFirst() {
            guard power.insert(index).inserted else { continue }
            pending.formUnion(graph.links[index].filter(conflicted.contains))
        }
        return power
    }

    /// Applies each event that the rules allow. ("Iterative auth checks")
    ///
    /// What was resolved lies above what the states agree on, so the latter need not be copied.
    private func apply(_ order: [Int], to resolved: inout StateMap<EventID>) {
        for index in order {
            let event = graph.events[index]
            guard let place = event.statePlace else { continue }
            var state: StateMap<Event> = [:]
            func use(_ index: Int) {
                guard !graph.rejected.contains(index) else { return }
                let event = graph.events[index]
                if let place = event.statePlace { state[place] = event }
            }
            if version.roomIDIsHash, let create = event.roomID.createEventID {
                if let known = graph[create] { use(known) }
            }
            graph.links[index].forEach(use)
            for needed in AuthRules.statePlaces(for: event) {
                guard let name = resolved[needed] ?? base(needed) else { continue }
                if let known = graph[name] { use(known) }
            }
            do {
                try AuthRules.check(event, against: state, signedBy: nil)
                resolved[place] = event.eventID
            } catch {
                // An event that is not allowed is passed over.
            }
        }
    }
}

extension Event {
    /// Whether it may take power away.
    ///
    /// Servers at large also count the create event, and power levels and join rules only where they
    /// have effect, with an empty state key; to agree with them we do too.
    fileprivate var isPowerEvent: Bool {
        switch type {
        case EventType.powerLevels, EventType.joinRules, EventType.create: stateKey == ""
        case EventType.member:
            stateKey != sender.text && (membership == .leave || membership == .ban)
        default: false
        }
    }
}
