internal import CReactor
internal import Glibc

extension UringDriver {
    /// Brings the requests of a slot in line with what is wanted of it.
    func apply(_ token: Token) {
        let slot = slots[Int(token.slot)]
        switch slot.role {
        case .none, .connecting: break
        case .listener: applyAccepting(slot, token)
        case .stream: applyReceiving(slot, token)
        case .watch: applyWatching(slot, token)
        }
    }

    private func applyAccepting(_ slot: Slot, _ token: Token) {
        let userData = Request.accept.userData(token)
        if slot.state.contains(.active) {
            if slot.interest == 0 { cancel(userData, slot, token) }
        } else if slot.interest != 0 {
            ring.queue { creactor_uring_accept($0, slot.descriptor, userData) }
            began(.active, Int(token.slot))
        }
    }

    private func applyReceiving(_ slot: Slot, _ token: Token) {
        let mayReceive = slot.interest != 0 && !slot.state.contains(.inputEnded)
        if slot.state.contains(.active) {
            // The pause has met bytes: no more of them.
            if !mayReceive, slot.state.contains(.held) {
                cancel(Request.receive.userData(token), slot, token)
            }
        } else if mayReceive {
            let userData = Request.receive.userData(token)
            ring.queue { creactor_uring_receive($0, slot.descriptor, userData) }
            slots[Int(token.slot)].state.remove(.fed)
            began(.active, Int(token.slot))
        } else if slot.state.isDisjoint(with: [.errors, .errorsEnded]) {
            // Nothing receives, so a reset would go unnoticed.
            let userData = Request.errors.userData(token)
            ring.queue { creactor_uring_poll_errors($0, slot.descriptor, userData) }
            began(.errors, Int(token.slot))
        }
    }

    private func applyWatching(_ slot: Slot, _ token: Token) {
        let userData = Request.poll.userData(token)
        if !slot.state.contains(.active) {
            guard slot.interest != 0 else { return }
            ring.queue { creactor_uring_poll($0, slot.descriptor, slot.interest, userData) }
            began(.active, Int(token.slot))
        } else if slot.interest == 0 {
            cancel(userData, slot, token)
        } else if slot.interest != slot.armed, !slot.state.contains(.cancelling) {
            // Should the poll have just completed, it is armed again after its report.
            ring.queue { creactor_uring_update_poll($0, slot.interest, userData) }
        }
        slots[Int(token.slot)].armed = slot.interest
    }

    private func cancel(_ userData: UInt64, _ slot: Slot, _ token: Token) {
        guard !slot.state.contains(.cancelling) else { return }
        slots[Int(token.slot)].state.insert(.cancelling)
        ring.queue { creactor_uring_cancel($0, userData) }
    }
}
