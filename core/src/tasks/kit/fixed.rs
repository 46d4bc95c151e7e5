//! Whole-number geometry: lengths in 256ths, so that shaders take the same steps bit for bit. The same functions stand in
//! `shaders/tasks/common.wgsl`.

/// Parts of a unit of length.
pub(in crate::tasks) const UNIT: i32 = 256;

/// The whole part of a square root, digit by digit in base 2.
pub(in crate::tasks) fn isqrt(n: u32) -> u32 {
    let (mut rest, mut root, mut bit) = (n, 0, 1u32 << 30);
    while bit > n {
        bit >>= 2;
    }
    while bit != 0 {
        if rest >= root + bit {
            rest -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
        bit >>= 2;
    }
    root
}

/// 16 times the length of a vector whose parts are below 2^11 in size.
pub(in crate::tasks) fn length16(x: i32, y: i32) -> u32 {
    isqrt(((x * x + y * y) as u32) << 8)
}

/// 1024 times the cosine between two vectors, their parts below 2^11; 0 where one of them has no direction.
pub(in crate::tasks) fn cosine1024(ax: i32, ay: i32, bx: i32, by: i32) -> i32 {
    let size = ((length16(ax, ay) * length16(bx, by).min(4095)) >> 8) as i32;
    if size == 0 { 0 } else { ((ax * bx + ay * by) * 1024 / size).clamp(-1024, 1024) }
}

/// Which eighth of the plane a vector points to, 0..8.
pub(in crate::tasks) fn octant(x: i32, y: i32) -> u32 {
    4 * u32::from(x > 0) + 2 * u32::from(y > 0) + u32::from(x.abs() > y.abs())
}

/// The place of `x`, cut to -`most`..=`most`, in one of `bins` equal parts.
pub(in crate::tasks) fn bin(x: i32, most: i32, bins: i32) -> u32 {
    ((x.clamp(-most, most) + most) * bins / (2 * most + 1)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_whole_parts_of_square_roots() {
        for n in (0..5000).chain([1 << 16, (1 << 16) - 1, 1 << 30, u32::MAX]) {
            assert_eq!(u64::from(isqrt(n)), f64::from(n).sqrt() as u64, "{n}");
        }
    }

    #[test]
    fn cosines_are_within_a_hundredth() {
        for i in 0..400i32 {
            let (ax, ay) = (i * 37 % 1999 - 1000, i * 91 % 1777 - 900);
            let (bx, by) = (i * 53 % 129 - 64, i * 29 % 121 - 60);
            let exact = f64::from(ax * bx + ay * by)
                / (f64::from(ax).hypot(f64::from(ay)) * f64::from(bx).hypot(f64::from(by)));
            if exact.is_finite() && ax.abs() + ay.abs() > 100 && bx.abs() + by.abs() > 8 {
                let got = f64::from(cosine1024(ax, ay, bx, by)) / 1024.0;
                assert!((got - exact).abs() < 0.01, "{ax} {ay} {bx} {by}: {got} for {exact}");
            }
        }
    }

    #[test]
    fn bins_cover_the_range() {
        assert_eq!([-70, -64, 0, 64, 70].map(|x| bin(x, 64, 7)), [0, 0, 3, 6, 6]);
        assert_eq!(
            (0..8).map(|i| octant([-2, -2, 1, -1, 2, 1, 2, 1][i], [-1, 1, -2, 2, -1, 2, 1, -2][i])).max(),
            Some(7)
        );
    }
}
