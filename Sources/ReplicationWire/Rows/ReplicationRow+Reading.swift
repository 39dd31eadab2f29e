import Bytes
public import JSON

extension ReplicationRow {
    /// Reads a row's JSON. A shape that is not known becomes ``other(_:)``; text that is not JSON
    /// throws.
    public init(_ stream: StreamName, json: RawSpan) throws(JSON.ParseError) {
        do {
            var reader = try RowReader(json)
            self = try Self.read(stream, &reader)
            try reader.finish()
        } catch {
            self = .other(try JSON(parsing: json))
        }
    }

    private static func read(
        _ stream: StreamName, _ reader: inout RowReader
    ) throws(RowError) -> ReplicationRow {
        switch stream {
        case .events: try readEvent(&reader)
        case .backfill: .event(try EventStreamRow(reading: &reader))
        case .presence: .presence(try PresenceStreamRow(reading: &reader))
        case .typing: .typing(try TypingStreamRow(reading: &reader))
        case .receipts: .receipt(try ReceiptStreamRow(reading: &reader))
        case .pushRules: .pushRules(try PushRulesStreamRow(reading: &reader))
        case .pushers: .pusher(try PushersStreamRow(reading: &reader))
        case .caches: .cache(try CachesStreamRow(reading: &reader))
        case .publicRooms: .publicRoom(try PublicRoomsStreamRow(reading: &reader))
        case .deviceLists: .deviceList(try DeviceListsStreamRow(reading: &reader))
        case .toDevice: .toDevice(try ToDeviceStreamRow(reading: &reader))
        case .federation: .federation(try FederationStreamRow(reading: &reader))
        case .tagAccountData: .tagAccountData(try TagAccountDataStreamRow(reading: &reader))
        case .accountData: .accountData(try AccountDataStreamRow(reading: &reader))
        case .currentStateDeltas: .state(try StateStreamRow(reading: &reader))
        case .other: throw reader.failure("a known stream")
        }
    }

    /// Event rows stand bare in early releases and tagged in an inner array in later ones.
    private static func readEvent(
        _ reader: inout RowReader
    ) throws(RowError) -> ReplicationRow {
        let first = try reader.string()
        switch first {
        case "ev":
            try reader.openColumn()
            let row = try EventStreamRow(reading: &reader)
            try reader.close()
            return .event(row)
        case "state":
            try reader.openColumn()
            let row = try StateStreamRow(reading: &reader)
            try reader.close()
            return .state(row)
        default:
            return .event(
                EventStreamRow(
                    eventID: first, roomID: try reader.string(), type: try reader.string(),
                    stateKey: try reader.optionalString(),
                    redacts: try reader.anyStringIfPresent()))
        }
    }
}
