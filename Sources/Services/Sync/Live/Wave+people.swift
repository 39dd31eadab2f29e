import ReplicationWire
import Storage

/// What concerns people rather than rooms: messages to devices, devices and keys, who is online.
extension Wave {
    mutating func takeToDevice() {
        for userID in step.toDevice {
            guard let user = engine.users[userID] else { continue }
            user.last.toDevice = step.position.toDevice
            touch(user)
            user.waveIsGeneral = true
        }
    }

    mutating func takeDeviceLists() {
        let position = step.position.deviceList
        for change in news.deviceLists {
            if let viewerID = change.viewerID, let user = engine.users[viewerID] {
                user.last.deviceList = position
                tell(user) { $0.waveDeviceLists.changed.insert(change.userID) }
            }
            guard let roomID = change.roomID else { continue }
            engine.recent.note(\.deviceList, in: roomID, at: position)
            for user in engine.members(of: roomID) {
                user.last.deviceList = position
                tell(user) { $0.waveDeviceLists.changed.insert(change.userID) }
            }
        }
    }

    /// Who comes to a room brings devices along that its members have to know; who goes takes them away, unless there is
    /// another room in common.
    mutating func takeTransitions() {
        for transition in news.transitions {
            guard let room = engine.rooms[transition.roomID] else { continue }
            let userID = transition.userID
            if transition.isArrival {
                for user in room.users.values where user.userID != userID {
                    tell(user) {
                        $0.waveDeviceLists.changed.insert(userID)
                        $0.waveDeviceLists.left.remove(userID)
                    }
                }
            } else if transition.isDeparture {
                var others: Set<ObjectIdentifier> = []
                for roomID in news.userRooms[userID] ?? [] {
                    if let room = engine.rooms[roomID] { others.formUnion(room.users.keys) }
                }
                for (id, user) in room.users where user.userID != userID && !others.contains(id) {
                    tell(user) {
                        $0.waveDeviceLists.left.insert(userID)
                        $0.waveDeviceLists.changed.remove(userID)
                    }
                }
            }
        }
    }

    mutating func takePresence() {
        guard engine.options.showsPresence else { return }
        let position = step.position.presence
        let time = engine.clock.now
        for row in step.presence.values.sorted(by: { $0.userID < $1.userID }) {
            let index = presence.count
            presence.append(PresenceText.event(PresenceStates.Presence(row), now: time))
            if let user = engine.users[row.userID] { show(index, to: user, position) }
            for roomID in news.userRooms[row.userID] ?? [] {
                engine.recent.note(\.presence, in: roomID, at: position)
                for user in engine.members(of: roomID) { show(index, to: user, position) }
            }
        }
    }

    private mutating func show(_ index: Int, to user: TrackedUser, _ position: Int64) {
        user.last.presence = position
        guard user.parked.contains(where: { $0.request.filter.showsPresence })
        else { return }
        // Users share several rooms, and are told once.
        tell(user) { if $0.wavePresence.last != index { $0.wavePresence.append(index) } }
    }

    /// Notes something for a user who waits.
    private mutating func tell(_ user: TrackedUser, _ note: (TrackedUser) -> Void) {
        guard !user.parked.isEmpty else { return }
        touch(user)
        note(user)
    }
}

extension SyncEngine {
    /// The users in the index who are joined to a room.
    fileprivate func members(of roomID: String) -> [TrackedUser] {
        rooms[roomID].map { Array($0.users.values) } ?? []
    }
}
