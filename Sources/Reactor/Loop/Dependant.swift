/// Something that waits on a loop and must hear when that stops, lest whoever waits for it does so
/// for ever.
protocol Dependant: AnyObject {
    /// The loop stops for good. The last chance to resume and to let go.
    func loopStops(_ loop: isolated EventLoop)
}

extension EventLoop {
    func nextRegistration() -> UInt64 {
        lastRegistration += 1
        return lastRegistration
    }

    func attach(_ dependant: any Dependant, as registration: UInt64) {
        dependants[registration] = dependant
    }

    /// The loop keeps it until it is detached.
    func attach(_ dependant: any Dependant) -> UInt64 {
        let registration = nextRegistration()
        attach(dependant, as: registration)
        return registration
    }

    func detach(_ registration: UInt64) { dependants[registration] = nil }

    func stopDependants() {
        let all = dependants.sorted { $0.key < $1.key }
        dependants = [:]
        for (_, dependant) in all { dependant.loopStops(self) }
    }
}
