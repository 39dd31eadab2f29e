/// Dates as HTTP writes them: `Sun, 06 Nov 1994 08:49:37 GMT`.
public enum HTTPDate {
    private static let days: StaticString = "ThuFriSatSunMonTueWed"
    static let months: StaticString = "JanFebMarAprMayJunJulAugSepOctNovDec"

    /// Appends the date that lies `seconds` after the beginning of 1970, in 29 bytes.
    public static func append(secondsSince1970 seconds: Int64, to output: inout [UInt8]) {
        let (day, second) = divide(seconds, by: 86400)
        let date = civil(day)
        append(days, divide(day, by: 7).remainder, to: &output)
        output.append(UInt8(ascii: ","))
        output.append(UInt8(ascii: " "))
        append(date.day, to: &output)
        output.append(UInt8(ascii: " "))
        append(months, date.month - 1, to: &output)
        output.append(UInt8(ascii: " "))
        append(date.year / 100, to: &output)
        append(date.year % 100, to: &output)
        output.append(UInt8(ascii: " "))
        append(second / 3600, to: &output)
        output.append(UInt8(ascii: ":"))
        append(second / 60 % 60, to: &output)
        output.append(UInt8(ascii: ":"))
        append(second % 60, to: &output)
        for byte in " GMT".utf8 { output.append(byte) }
    }

    /// The date in the Gregorian calendar of a day counted from the beginning of 1970. Counts in
    /// eras of 400 years whose years begin in March, so that leap days come last.
    private static func civil(_ day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = divide(day + 719_468, by: 146_097)
        let leaps = dayOfEra / 1_460 - dayOfEra / 36_524 + dayOfEra / 146_096
        let yearOfEra = (dayOfEra - leaps) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (
            era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month,
            dayOfYear - (153 * shifted + 2) / 5 + 1
        )
    }

    static func divide(
        _ value: Int64, by divisor: Int64
    ) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    private static func append(_ two: Int64, to output: inout [UInt8]) {
        output.append(UInt8(truncatingIfNeeded: two / 10 % 10) &+ 0x30)
        output.append(UInt8(truncatingIfNeeded: two % 10) &+ 0x30)
    }

    private static func append(_ names: StaticString, _ index: Int64, to output: inout [UInt8]) {
        for offset in 0..<3 { output.append(names.utf8Start[Int(index) * 3 + offset]) }
    }
}

/// The `Date` line of responses, rendered again only when the second changes.
public struct DateLine: Sendable {
    private var second = Int64.min
    /// `Date: …` with its line end.
    public private(set) var bytes: [UInt8] = []

    /// A line without a date; ``refresh(secondsSince1970:)`` it before use.
    public init() {}

    /// The line for a time.
    package init(secondsSince1970 seconds: Int64) { refresh(secondsSince1970: seconds) }

    /// Renders the line anew if it is not of this second.
    public mutating func refresh(secondsSince1970 seconds: Int64) {
        guard seconds != second else { return }
        second = seconds
        bytes.removeAll(keepingCapacity: true)
        for byte in "Date: ".utf8 { bytes.append(byte) }
        HTTPDate.append(secondsSince1970: seconds, to: &bytes)
        bytes.append(Syntax.carriageReturn)
        bytes.append(Syntax.lineFeed)
    }
}
