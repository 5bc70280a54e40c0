//! The file system that SQLite finds in a simulation: files on a [`Platter`] instead of the machine's own.
//!
//! It is registered as the default of the process, so that the store opens its connections as it always does. A path
//! belongs to the platter that is mounted at its directory; anything else is a file of nobody, in memory.

#![expect(
    unsafe_code,
    reason = "SQLite takes a file system as C functions over raw pointers; everything else of it is in `platter.rs`"
)]

use crate::hold::hold;
use crate::platter::{Platter, Trouble};
use rusqlite::ffi::{
    self, SQLITE_ACCESS_EXISTS, SQLITE_BUSY, SQLITE_CANTOPEN, SQLITE_FULL, SQLITE_IOERR,
    SQLITE_IOERR_SHORT_READ, SQLITE_NOTFOUND, SQLITE_OK, SQLITE_OPEN_CREATE,
    SQLITE_OPEN_DELETEONCLOSE, sqlite3_file, sqlite3_io_methods, sqlite3_vfs,
};
use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::ptr::null_mut;
use std::sync::{Arc, Mutex, Once};

type Shared = Arc<Mutex<Platter>>;

static MOUNTED: Mutex<BTreeMap<PathBuf, Shared>> = Mutex::new(BTreeMap::new());

/// From here on the files of this directory are on that platter. Handles that are open stay with the one before.
pub(crate) fn mount(dir: &Path, platter: Shared) {
    register();
    hold(&MOUNTED).insert(dir.to_owned(), platter);
}

/// The files of this directory are gone.
pub(crate) fn unmount(dir: &Path) {
    hold(&MOUNTED).remove(dir);
}

/// What SQLite has for each open file: its own part first, as it demands.
#[repr(C)]
struct Handle {
    base: sqlite3_file,
    open: *mut Open,
}

struct Open {
    platter: Shared,
    name: String,
    number: u64,
    delete_on_close: bool,
}

fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let vfs = sqlite3_vfs {
            iVersion: 2,
            szOsFile: c_int::try_from(size_of::<Handle>()).unwrap_or(c_int::MAX),
            mxPathname: 1024,
            pNext: null_mut(),
            zName: c"mandate-sim".as_ptr(),
            pAppData: null_mut(),
            xOpen: Some(x_open),
            xDelete: Some(x_delete),
            xAccess: Some(x_access),
            xFullPathname: Some(x_full_pathname),
            xDlOpen: None,
            xDlError: None,
            xDlSym: None,
            xDlClose: None,
            xRandomness: Some(x_randomness),
            xSleep: Some(x_sleep),
            xCurrentTime: Some(x_current_time),
            xGetLastError: Some(x_get_last_error),
            xCurrentTimeInt64: Some(x_current_time_int64),
            xSetSystemCall: None,
            xGetSystemCall: None,
            xNextSystemCall: None,
        };
        // SAFETY: the structure lives as long as the process, and its functions keep to what SQLite demands of them.
        unsafe {
            ffi::sqlite3_vfs_register(Box::leak(Box::new(vfs)), 1);
        }
    });
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(x_close),
    xRead: Some(x_read),
    xWrite: Some(x_write),
    xTruncate: Some(x_truncate),
    xSync: Some(x_sync),
    xFileSize: Some(x_file_size),
    xLock: Some(x_lock),
    xUnlock: Some(x_unlock),
    xCheckReservedLock: Some(x_check_reserved_lock),
    xFileControl: Some(x_file_control),
    xSectorSize: Some(x_sector_size),
    xDeviceCharacteristics: Some(x_device_characteristics),
    xShmMap: Some(x_shm_map),
    xShmLock: Some(x_shm_lock),
    xShmBarrier: Some(x_shm_barrier),
    xShmUnmap: Some(x_shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

fn code(done: Result<(), Trouble>) -> c_int {
    match done {
        Ok(()) => SQLITE_OK,
        Err(Trouble::Dead | Trouble::Missing) => SQLITE_IOERR,
        Err(Trouble::Full) => SQLITE_FULL,
        Err(Trouble::Busy) => SQLITE_BUSY,
    }
}

/// Where a path is: on which platter, and under which name.
///
/// # Safety
/// `path` is null or a string that ends with a zero byte.
unsafe fn place(path: *const c_char) -> (Shared, String) {
    if path.is_null() {
        return (Shared::default(), "temporary".to_owned());
    }
    // SAFETY: the caller says so.
    let text = unsafe { CStr::from_ptr(path) }.to_string_lossy();
    let path = Path::new(text.as_ref());
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mounted = { path.parent() }.and_then(|dir| hold(&MOUNTED).get(dir).cloned());
    (mounted.unwrap_or_default(), name.into_owned())
}

/// Does something with an open file.
///
/// # Safety
/// `file` is one that [`x_open`] opened and [`x_close`] has not closed.
unsafe fn with<T>(file: *mut sqlite3_file, act: impl FnOnce(&mut Platter, &Open) -> T) -> T {
    // SAFETY: SQLite hands over the structure that `x_open` filled in, whose pointer is good until `x_close`.
    let open = unsafe { &*(*file.cast::<Handle>()).open };
    let mut platter = hold(&open.platter);
    act(&mut platter, open)
}

unsafe extern "C" fn x_open(
    _: *mut sqlite3_vfs,
    path: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    let handle = file.cast::<Handle>();
    // SAFETY: SQLite gives room for `szOsFile` bytes, and a path that is null or a string.
    let (platter, name) = unsafe {
        (*handle).base.pMethods = std::ptr::null();
        place(path)
    };
    let number = {
        let mut platter = hold(&platter);
        let creates = flags & SQLITE_OPEN_CREATE != 0 || path.is_null();
        if platter.alive().is_err() || !(creates || platter.files.contains_key(&name)) {
            return SQLITE_CANTOPEN;
        }
        platter.files.entry(name.clone()).or_default();
        platter.handle()
    };
    let open = Open {
        platter,
        name,
        number,
        delete_on_close: flags & SQLITE_OPEN_DELETEONCLOSE != 0,
    };
    // SAFETY: as above; `flags_out` is null or a place for a number.
    unsafe {
        (*handle).open = Box::into_raw(Box::new(open));
        (*handle).base.pMethods = &METHODS;
        if !flags_out.is_null() {
            *flags_out = flags;
        }
    }
    SQLITE_OK
}

unsafe extern "C" fn x_close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite closes each open file once; the pointer came from `Box::into_raw` in `x_open`.
    let open = unsafe {
        let handle = file.cast::<Handle>();
        (*handle).base.pMethods = std::ptr::null();
        Box::from_raw((*handle).open)
    };
    let mut platter = hold(&open.platter);
    platter.let_go(&open.name, open.number);
    if open.delete_on_close {
        platter.files.remove(&open.name);
    }
    SQLITE_OK
}

unsafe extern "C" fn x_read(
    file: *mut sqlite3_file,
    into: *mut c_void,
    amount: c_int,
    offset: i64,
) -> c_int {
    let length = usize::try_from(amount).unwrap_or(0);
    let at = usize::try_from(offset).unwrap_or(0);
    // SAFETY: SQLite gives room for `amount` bytes, and an open file.
    let read = unsafe {
        let into = std::slice::from_raw_parts_mut(into.cast::<u8>(), length);
        with(file, |platter, open| platter.read(&open.name, at, into))
    };
    match read {
        Ok(true) => SQLITE_OK,
        Ok(false) => SQLITE_IOERR_SHORT_READ,
        Err(trouble) => code(Err(trouble)),
    }
}

unsafe extern "C" fn x_write(
    file: *mut sqlite3_file,
    from: *const c_void,
    amount: c_int,
    offset: i64,
) -> c_int {
    let length = usize::try_from(amount).unwrap_or(0);
    let at = usize::try_from(offset).unwrap_or(0);
    // SAFETY: SQLite gives `amount` bytes, and an open file.
    unsafe {
        let from = std::slice::from_raw_parts(from.cast::<u8>(), length);
        code(with(file, |platter, open| {
            platter.write(&open.name, at, from)
        }))
    }
}

unsafe extern "C" fn x_truncate(file: *mut sqlite3_file, size: i64) -> c_int {
    let to = usize::try_from(size).unwrap_or(0);
    // SAFETY: SQLite gives an open file.
    unsafe { code(with(file, |platter, open| platter.cut(&open.name, to))) }
}

unsafe extern "C" fn x_sync(file: *mut sqlite3_file, _: c_int) -> c_int {
    // SAFETY: SQLite gives an open file.
    unsafe { code(with(file, |platter, open| platter.sync(&open.name))) }
}

unsafe extern "C" fn x_file_size(file: *mut sqlite3_file, size: *mut i64) -> c_int {
    // SAFETY: SQLite gives an open file and a place for a number.
    unsafe {
        match with(file, |platter, open| platter.size(&open.name)) {
            Ok(bytes) => {
                *size = i64::try_from(bytes).unwrap_or(i64::MAX);
                SQLITE_OK
            }
            Err(trouble) => code(Err(trouble)),
        }
    }
}

unsafe extern "C" fn x_lock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: SQLite gives an open file.
    unsafe {
        code(with(file, |platter, open| {
            platter.lock(&open.name, open.number, level)
        }))
    }
}

unsafe extern "C" fn x_unlock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: SQLite gives an open file.
    unsafe {
        with(file, |platter, open| {
            platter.unlock(&open.name, open.number, level);
        });
    }
    SQLITE_OK
}

unsafe extern "C" fn x_check_reserved_lock(file: *mut sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: SQLite gives an open file and a place for a number.
    unsafe {
        *out = c_int::from(with(file, |platter, open| platter.is_reserved(&open.name)));
    }
    SQLITE_OK
}

unsafe extern "C" fn x_file_control(_: *mut sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    SQLITE_NOTFOUND
}

unsafe extern "C" fn x_sector_size(_: *mut sqlite3_file) -> c_int {
    512
}

/// A crash harms what was being written, and nothing beside it; SQLite takes every disk of Linux for one like that.
unsafe extern "C" fn x_device_characteristics(_: *mut sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn x_shm_map(
    file: *mut sqlite3_file,
    region: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    let region = usize::try_from(region).unwrap_or(0);
    let size = usize::try_from(size).unwrap_or(0);
    // SAFETY: SQLite gives an open file and a place for a pointer. The memory stays where it is until the platter is
    // dropped, which each handle keeps from happening.
    unsafe {
        *out = with(file, |platter, open| {
            platter.shared_memory(&open.name, region, size, extend != 0)
        })
        .map_or(null_mut(), <*mut u8>::cast);
    }
    SQLITE_OK
}

unsafe extern "C" fn x_shm_lock(
    file: *mut sqlite3_file,
    offset: c_int,
    n: c_int,
    flags: c_int,
) -> c_int {
    let slots = u32::try_from(n).unwrap_or(0);
    let first = u32::try_from(offset).unwrap_or(0);
    let bits = (1_u32 << slots).wrapping_sub(1) << first;
    // SAFETY: SQLite gives an open file.
    unsafe {
        code(with(file, |platter, open| {
            let exclusive = flags & ffi::SQLITE_SHM_EXCLUSIVE != 0;
            if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
                platter.unlock_shared(&open.name, open.number, bits);
                return Ok(());
            }
            platter.lock_shared(&open.name, open.number, bits, exclusive)
        }))
    }
}

unsafe extern "C" fn x_shm_barrier(_: *mut sqlite3_file) {
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
}

unsafe extern "C" fn x_shm_unmap(file: *mut sqlite3_file, _: c_int) -> c_int {
    // SAFETY: SQLite gives an open file.
    unsafe {
        with(file, |platter, open| {
            platter.unlock_shared(&open.name, open.number, u32::MAX);
        });
    }
    SQLITE_OK
}

unsafe extern "C" fn x_delete(_: *mut sqlite3_vfs, path: *const c_char, _: c_int) -> c_int {
    // SAFETY: SQLite gives a string.
    let (platter, name) = unsafe { place(path) };
    match hold(&platter).remove(&name) {
        Err(Trouble::Missing) => ffi::SQLITE_IOERR_DELETE_NOENT,
        done => code(done),
    }
}

unsafe extern "C" fn x_access(
    _: *mut sqlite3_vfs,
    path: *const c_char,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives a string and a place for a number.
    unsafe {
        let (platter, name) = place(path);
        let platter = hold(&platter);
        // An empty file counts as none for this question, as in SQLite's own file system.
        let there = platter.files.get(&name);
        let there = there.is_some_and(|file| flags != SQLITE_ACCESS_EXISTS || !file.is_empty());
        *out = c_int::from(there);
    }
    SQLITE_OK
}

unsafe extern "C" fn x_full_pathname(
    _: *mut sqlite3_vfs,
    path: *const c_char,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: SQLite gives a string, and room for `room` bytes.
    unsafe {
        let text = CStr::from_ptr(path).to_bytes_with_nul();
        if text.len() > usize::try_from(room).unwrap_or(0) {
            return SQLITE_CANTOPEN;
        }
        std::ptr::copy_nonoverlapping(text.as_ptr().cast::<c_char>(), out, text.len());
    }
    SQLITE_OK
}

unsafe extern "C" fn x_randomness(_: *mut sqlite3_vfs, amount: c_int, out: *mut c_char) -> c_int {
    let length = usize::try_from(amount).unwrap_or(0);
    // SAFETY: SQLite gives room for `amount` bytes.
    let out = unsafe { std::slice::from_raw_parts_mut(out.cast::<u8>(), length) };
    for (byte, value) in out.iter_mut().zip((0..=u8::MAX).cycle()) {
        *byte = value;
    }
    amount
}

unsafe extern "C" fn x_sleep(_: *mut sqlite3_vfs, micros: c_int) -> c_int {
    micros
}

/// 2025-01-01, as SQLite counts: nothing in the store asks for it.
const NOW_MS: i64 = 212_602_708_800_000;

unsafe extern "C" fn x_current_time(_: *mut sqlite3_vfs, out: *mut f64) -> c_int {
    // SAFETY: SQLite gives a place for a number.
    unsafe {
        *out = 2_460_676.5;
    }
    SQLITE_OK
}

unsafe extern "C" fn x_current_time_int64(_: *mut sqlite3_vfs, out: *mut i64) -> c_int {
    // SAFETY: SQLite gives a place for a number.
    unsafe {
        *out = NOW_MS;
    }
    SQLITE_OK
}

unsafe extern "C" fn x_get_last_error(_: *mut sqlite3_vfs, _: c_int, _: *mut c_char) -> c_int {
    0
}
