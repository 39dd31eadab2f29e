internal import Bytes

extension HTTPDate {
    /// Reads a date in any of the three forms that recipients have to understand (RFC 9110,
    /// section 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` and
    /// `Sun Nov  6 08:49:37 1994`. Returns the seconds since the beginning of 1970.
    ///
    /// The day of the week is not looked at. The second form's year lies within the fifty years behind
    /// and before 2020, whatever the time is now, so that equal fields mean equal times for ever.
    public static func read(_ value: RawSpan) -> Int64? {
        guard let comma = value.firstIndex(of: UInt8(ascii: ",")) else { return readPlain(value) }
        guard value.byteCount > comma + 2, value.byte(comma + 1) == Syntax.space else { return nil }
        let rest = value.extracting((comma + 2)..<value.byteCount)
        switch (comma, rest.byteCount) {
        // 06 Nov 1994 08:49:37 GMT
        case (3, 24):
            guard rest.byte(2) == Syntax.space, rest.byte(6) == Syntax.space,
                rest.extracting(20..<24).equals(" GMT"), let year = number(rest, 7..<11)
            else { return nil }
            return seconds(
                year, month(rest, 3), number(rest, 0..<2), rest.extracting(11..<20))
        // 06-Nov-94 08:49:37 GMT
        case (6...9, 22):
            guard rest.byte(2) == UInt8(ascii: "-"), rest.byte(6) == UInt8(ascii: "-"),
                rest.extracting(18..<22).equals(" GMT"), let year = number(rest, 7..<9)
            else { return nil }
            return seconds(
                year < 70 ? 2000 + year : 1900 + year, month(rest, 3), number(rest, 0..<2),
                rest.extracting(9..<18))
        default: return nil
        }
    }

    /// `Sun Nov  6 08:49:37 1994`
    private static func readPlain(_ value: RawSpan) -> Int64? {
        guard value.byteCount == 24, value.byte(3) == Syntax.space, value.byte(7) == Syntax.space,
            value.byte(19) == Syntax.space, let year = number(value, 20..<24)
        else { return nil }
        let day = value.byte(8) == Syntax.space ? number(value, 9..<10) : number(value, 8..<10)
        return seconds(year, month(value, 4), day, value.extracting(10..<19))
    }

    /// Of a date and ` 08:49:37`.
    private static func seconds(
        _ year: Int64, _ month: Int64?, _ day: Int64?, _ time: RawSpan
    ) -> Int64? {
        guard let month, let day, time.byte(0) == Syntax.space,
            time.byte(3) == UInt8(ascii: ":"), time.byte(6) == UInt8(ascii: ":"),
            let hour = number(time, 1..<3), let minute = number(time, 4..<6),
            let second = number(time, 7..<9), hour < 24, minute < 60, second <= 60,
            day >= 1, day <= days(month, year)
        else { return nil }
        return day1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second
    }

    private static func number(_ value: RawSpan, _ range: Range<Int>) -> Int64? {
        var number: Int64 = 0
        for offset in range {
            guard value.byte(offset).isASCIIDigit else { return nil }
            number = number * 10 + Int64(value.byte(offset) &- 0x30)
        }
        return number
    }

    private static func month(_ value: RawSpan, _ offset: Int) -> Int64? {
        let name = value.extracting(offset..<(offset + 3))
        return (0..<12).first { index in
            (0..<3).allSatisfy { name.byte($0) == months.utf8Start[index * 3 + $0] }
        }.map { Int64($0 + 1) }
    }

    private static func days(_ month: Int64, _ year: Int64) -> Int64 {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        default: 31
        }
    }

    /// The number of a day, counted from the beginning of 1970. As for writing, years begin in March.
    private static func day1970(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month > 2 ? month - 3 : month + 9
        let year = month > 2 ? year : year - 1
        let (era, yearOfEra) = divide(year, by: 400)
        let dayOfYear = (153 * shifted + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
            - 719_468
    }
}
