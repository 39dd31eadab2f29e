internal import Postgres
internal import Reactor
internal import Replication
internal import ReplicationWire
internal import Services
internal import Storage

/// The streams of the main process: where replication finds missed rows, and how it gets new ones.
final class MainStreams: StreamPublisher {
    private let server: ReplicationServer

    init(_ server: ReplicationServer, _ services: MainServices) {
        self.server = server
        for kind in MainStream.Kind.allCases { server.register(MainStream(kind, services)) }
    }

    func publish(
        _ stream: StreamName, token: Int64, rows: [ReplicationRow], on loop: isolated EventLoop
    ) {
        server.publish(stream, rows.map { ReplicationUpdate(token: token, row: $0) }, on: loop)
    }
}

/// One stream of the main process, as replication reads it.
final class MainStream: ReplicationSource {
    enum Kind: CaseIterable {
        case events, typing, receipts, accountData, tagAccountData, caches, presence, deviceLists,
            toDevice, publicRooms, pushRules, pushers
    }

    private let kind: Kind
    private let services: MainServices

    init(_ kind: Kind, _ services: MainServices) {
        self.kind = kind
        self.services = services
    }

    var stream: StreamName {
        switch kind {
        case .events: .events
        case .typing: .typing
        case .receipts: .receipts
        case .accountData: .accountData
        case .tagAccountData: .tagAccountData
        case .caches: .caches
        case .presence: .presence
        case .deviceLists: .deviceLists
        case .toDevice: .toDevice
        case .publicRooms: .publicRooms
        case .pushRules: .pushRules
        case .pushers: .pushers
        }
    }

    var currentToken: Int64 { services.streams.position(of: stream) }

    func rows(
        from: Int64, upTo: Int64, limit: Int, on loop: isolated EventLoop
    ) async throws -> [ReplicationUpdate] {
        let pool = services.pool
        switch kind {
        case .events:
            let found = try await Events.announcements(
                from: from, to: upTo, limit: limit, in: pool, on: loop)
            return found.map { ReplicationUpdate($0) }
        case .typing:
            return services.typing.changes(after: from, on: loop)
                .filter { $0.serial <= upTo }.prefix(limit)
                .map { serial, roomID in
                    let users = services.typing.userIDs(in: roomID, on: loop)
                    return ReplicationUpdate(
                        token: serial, row: .typing(TypingStreamRow(roomID: roomID, userIDs: users))
                    )
                }
        case .receipts:
            let found = try await Receipts.updates(
                from: from, to: upTo, limit: limit, in: pool, on: loop)
            return found.map { ReplicationUpdate($0.streamID, $0.receipt) }
        case .accountData:
            let found = try await AccountData.updates(
                from: from, to: upTo, limit: limit, in: pool, on: loop)
            return found.map { ReplicationUpdate($0) }
        case .tagAccountData: return try await tags(from: from, upTo: upTo, limit: limit, on: loop)
        case .caches:
            let found = try await CacheInvalidations.updates(
                from: from, to: upTo, limit: limit, in: pool, on: loop)
            return found.map { ReplicationUpdate($0) }
        case .presence:
            let found = try await PresenceStates.updates(
                from: from, to: upTo, limit: limit, in: pool, on: loop)
            return found.map {
                ReplicationUpdate(
                    token: $0.streamID, row: .presence(PresenceStreamRow($0.presence)))
            }
        case .deviceLists:
            let found = try await DeviceLists.updates(
                from: from, to: upTo, limit: limit, in: pool, on: loop)
            return found.map {
                ReplicationUpdate(
                    token: $0.streamID, row: .deviceList(DeviceListsStreamRow(userID: $0.userID)))
            }
        case .toDevice:
            let found = try await DeviceInbox.updates(
                from: from, to: upTo, limit: limit, in: pool, on: loop)
            return found.map {
                ReplicationUpdate(
                    token: $0.streamID, row: .toDevice(ToDeviceStreamRow(entity: $0.userID)))
            }
        case .pushRules:
            return try await pushRules(from: from, upTo: upTo, limit: limit, on: loop)
        case .pushers:
            let found = try await Pushers.updates(
                from: from, to: upTo, limit: limit, in: pool, on: loop)
            return found.map { ReplicationUpdate($0) }
        case .publicRooms:
            let found = try await PublicRooms.updates(
                from: from, to: upTo, limit: limit, in: pool, on: loop)
            return found.map {
                let row = PublicRoomsStreamRow(roomID: $0.roomID, isVisible: $0.isPublic)
                return ReplicationUpdate(token: $0.streamID, row: .publicRoom(row))
            }
        }
    }

    private func pushRules(
        from: Int64, upTo: Int64, limit: Int, on loop: isolated EventLoop
    ) async throws -> [ReplicationUpdate] {
        let found = try await PushRules.updates(
            from: from, to: upTo, limit: limit, in: services.pool, on: loop)
        return found.map {
            ReplicationUpdate(
                token: $0.streamID, row: .pushRules(PushRulesStreamRow(userID: $0.userID)))
        }
    }

    /// The tags as they are now, without their content: workers read that from the database.
    private func tags(
        from: Int64, upTo: Int64, limit: Int, on loop: isolated EventLoop
    ) async throws -> [ReplicationUpdate] {
        let found = try await RoomTags.updates(
            from: from, to: upTo, limit: limit, in: services.pool, on: loop)
        return found.map { change in
            let row = TagAccountDataStreamRow(
                userID: change.userID, roomID: change.roomID, data: nil)
            return ReplicationUpdate(token: change.streamID, row: .tagAccountData(row))
        }
    }
}

extension ReplicationUpdate {
    fileprivate init(_ event: Events.Announcement) {
        let row = EventStreamRow(
            eventID: event.eventID, roomID: event.roomID, type: event.type,
            stateKey: event.stateKey, redacts: event.redacts)
        self.init(token: event.streamOrdering, row: .event(row))
    }

    fileprivate init(_ token: Int64, _ receipt: Receipts.Receipt) {
        let row = ReceiptStreamRow(
            roomID: receipt.roomID, type: receipt.type, userID: receipt.userID,
            eventID: receipt.eventID, data: receipt.data)
        self.init(token: token, row: .receipt(row))
    }

    fileprivate init(_ change: AccountData.Change) {
        let row = AccountDataStreamRow(
            userID: change.userID, roomID: change.roomID, type: change.type, data: change.content)
        self.init(token: change.streamID, row: .accountData(row))
    }

    fileprivate init(_ change: Pushers.Change) {
        let row = PushersStreamRow(
            userID: change.key.userID, appID: change.key.appID, pushKey: change.key.pushKey,
            isDeleted: change.isDeleted)
        self.init(token: change.streamID, row: .pusher(row))
    }

    fileprivate init(_ change: CacheInvalidations.Invalidation) {
        let row = CachesStreamRow(
            cache: change.cache, keys: change.keys, invalidatedMilliseconds: change.time)
        self.init(token: change.streamID, row: .cache(row))
    }
}
