public import JSON

/// A row of any stream.
public enum ReplicationRow: Sendable, Hashable {
    /// Of `events` and `backfill`.
    case event(EventStreamRow)
    /// Of `current_state_deltas`, and of `events` in later releases.
    case state(StateStreamRow)
    /// Of `presence`.
    case presence(PresenceStreamRow)
    /// Of `typing`.
    case typing(TypingStreamRow)
    /// Of `receipts`.
    case receipt(ReceiptStreamRow)
    /// Of `push_rules`.
    case pushRules(PushRulesStreamRow)
    /// Of `pushers`.
    case pusher(PushersStreamRow)
    /// Of `caches`.
    case cache(CachesStreamRow)
    /// Of `public_rooms`.
    case publicRoom(PublicRoomsStreamRow)
    /// Of `device_lists`.
    case deviceList(DeviceListsStreamRow)
    /// Of `to_device`.
    case toDevice(ToDeviceStreamRow)
    /// Of `federation`.
    case federation(FederationStreamRow)
    /// Of `tag_account_data`.
    case tagAccountData(TagAccountDataStreamRow)
    /// Of `account_data`.
    case accountData(AccountDataStreamRow)
    /// Of a stream that this release does not know, or in a shape that it does not know.
    case other(JSON)
}
